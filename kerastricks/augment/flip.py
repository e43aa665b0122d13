"""Mirroring.

    x'[i, j] = x[i, W - 1 - j]     horizontal
    x'[i, j] = x[H - 1 - i, j]     vertical

each with probability `rate`, image by image. `alternate` draws only once for an
image and then flips it every other epoch, so that two epochs in a row show both
of its sides (airbench, arXiv 2404.00498); by chance half of the images come
twice alike. It reads the lowest bit of a key, which `data.pipeline` turns over
from epoch to epoch.

Acts on: the uint8 batch, first of all. Cost: one pass over bytes. Hurts: where
left and right mean something (digits, text, arrows); upside down, nearly
everywhere but in pictures from above or through a microscope.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.trick import ImageTrick
from kerastricks.checks import check_choice, check_probability

AXES = {"vertical": 1, "horizontal": 2}


def flip_batch(images: Any, mirrored: Any, axis: str = "horizontal") -> Any:
    """Mirrors the images [B, H, W, C] that `mirrored` (bool [B]) names."""
    turned = ops.flip(images, axis=AXES[axis])
    return ops.where(mirrored[:, None, None, None], turned, images)


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class RandomFlip(ImageTrick):
    """Mirrors each image with probability `rate`.

    Args:
        axis: `horizontal` (left and right change places) or `vertical`.
        alternate: every other epoch instead of by chance; then rate is 0.5,
            and keys must be those of `data.pipeline`.

    Example:
        images, labels = RandomFlip()(images, labels, keys)
    """

    rate: float = 0.5
    axis: str = "horizontal"
    alternate: bool = False

    def __post_init__(self) -> None:
        check_probability(rate=self.rate)
        check_choice(tuple(AXES), axis=self.axis)
        if self.alternate and self.rate != 0.5:
            raise ValueError(
                "rate must be 0.5 where flips alternate. "
                f"Received: rate={self.rate}"
            )

    @property
    def needs_parity(self) -> bool:  # type: ignore[override]
        return self.alternate

    def change(self, images: Any, keys: Any) -> Any:
        return flip_batch(images, self.mirrored(keys), self.axis)

    def mirrored(self, keys: Any) -> Any:
        """bool [B]."""
        if self.alternate:
            return ops.bitwise_and(keys[:, 1], 1) == 1
        purpose = "flip" if self.axis == "horizontal" else "vertical flip"
        return draws.uniform(keys, purpose)[:, 0] < self.rate
