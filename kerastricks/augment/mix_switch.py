"""Several mixing tricks, of which each batch or sample gets one, or none.

With probability `rate` a batch is mixed: by the first trick with probability
1 - switch, else by one of the others, all equally likely.

As timm's --mixup-prob and --mixup-switch-prob, and torchvision's random choice
(switch 1/2). Acts on: the normalised batch, last. Cost: that of the trick which
is chosen; chosen for each sample, that of all of them. Hurts: as its tricks do.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment.partner import PER, drawn_per
from kerastricks.augment.trick import BatchTrick
from kerastricks.checks import check_choice, check_probability


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class MixSwitch(BatchTrick):
    """One of several mixing tricks.

    Args:
        tricks: the first is the one that is switched from.
        rate: share of batches, or samples, that are mixed at all.
        switch: share of these that the other tricks get.
        per: whether the `batch` or each `sample` chooses.

    Example:
        mix = MixSwitch((MixUp(0.2), CutMix(1.0)), rate=0.9)
        images, labels = mix(images, labels, keys)
    """

    tricks: tuple[BatchTrick, ...]
    rate: float = 1.0
    switch: float = 0.5
    per: str = "batch"
    mixes = True

    def __post_init__(self) -> None:
        check_probability(rate=self.rate, switch=self.switch)
        check_choice(PER, per=self.per)
        if not self.tricks or not all(trick.mixes for trick in self.tricks):
            raise ValueError(
                "tricks must be mixing tricks, at least one. "
                f"Received: tricks={self.tricks}"
            )

    def __call__(self, images: Any, labels: Any, keys: Any) -> tuple[Any, Any]:
        images = ops.cast(images, "float32")
        labels = ops.cast(labels, "float32")
        drawn = drawn_per(keys, "mix switch", self.per)
        bounds = np.cumsum(self.shares())[:-1].astype(np.float32)
        chosen = ops.sum(ops.cast(drawn >= bounds, "int32"), axis=1)
        if self.per == "batch":
            return self.one_for_all(chosen[0], images, labels, keys)
        return self.one_for_each(chosen, images, labels, keys)

    def shares(self) -> list[float]:
        """Of no mixing, and of each trick."""
        others = len(self.tricks) - 1
        switch = self.switch if others else 0.0
        each = [1 - switch, *[switch / max(others, 1)] * others]
        return [1 - self.rate, *[self.rate * share for share in each]]

    def one_for_all(
        self, chosen: Any, images: Any, labels: Any, keys: Any
    ) -> tuple[Any, Any]:
        """Runs the chosen trick alone."""
        ways = [lambda images, labels, keys: (images, labels), *self.tricks]
        return ops.switch(chosen, ways, images, labels, keys)

    def one_for_each(
        self, chosen: Any, images: Any, labels: Any, keys: Any
    ) -> tuple[Any, Any]:
        """Runs them all and takes each sample from its own."""
        mixed_images, mixed_labels = images, labels
        for number, trick in enumerate(self.tricks, start=1):
            by_trick = trick(images, labels, keys)
            mine = (chosen == number)[:, None]
            mixed_images = ops.where(
                mine[:, :, None, None], by_trick[0], mixed_images
            )
            mixed_labels = ops.where(mine, by_trick[1], mixed_labels)
        return mixed_images, mixed_labels

    def get_config(self) -> dict[str, Any]:
        tricks = keras.saving.serialize_keras_object(list(self.tricks))
        fields = dict(rate=self.rate, switch=self.switch, per=self.per)
        return {"tricks": tricks, **fields}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MixSwitch":
        tricks = keras.saving.deserialize_keras_object(config["tricks"])
        return cls(**{**config, "tricks": tuple(tricks)})
