"""The tricks of a batch, in turn."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from kerastricks.augment.trick import BatchTrick


@dataclasses.dataclass(frozen=True)
class Augment:
    """Runs tricks one after the other, evaluation's alone outside training.

    Args:
        tricks: in the order in which they act.

    Example:
        augment = Augment([RandomFlip(), Normalize(), MixUp(0.2)])
        images, labels = augment(images, labels, keys)
    """

    tricks: Sequence[BatchTrick]

    def __call__(
        self, images: Any, labels: Any, keys: Any, training: bool = True
    ) -> tuple[Any, Any]:
        for trick in self.tricks:
            if training or not trick.training_only:
                images, labels = trick(images, labels, keys)
        return images, labels

    def without_mixing(self) -> "Augment":
        """The same without the tricks that blend samples."""
        return Augment([trick for trick in self.tricks if not trick.mixes])
