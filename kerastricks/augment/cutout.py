"""Cutout: a square of each image goes.

    x'[i, j] = 0 for |i - y| and |j - x| within half of `length`; y, x uniform
    on the whole image, so that a square may reach over the edge and lose a part

Paper: DeVries and Taylor, arXiv 1708.04552 (length 16 on CIFAR-10, 8 on
CIFAR-100, 20 on SVHN), with the law of its code: rows y - length // 2 up to,
and without, y + length // 2. Acts on: the normalised batch, where 0 is the mean
colour. Cost: one pass. Hurts: objects as small as the square. keras-cv's
RandomCutout takes height and width as shares of the image and fills with 0
before any normalisation.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.erase import Eraser
from kerastricks.augment.paste import paste_boxes


def cutout_batch(
    images: Any, centres: Any, length: int, fill: Any = 0.0
) -> Any:
    """Images without squares around centres, int [B, holes, 2] of (y, x)."""
    half = length // 2
    for hole in range(centres.shape[1]):
        y, x = centres[:, hole, 0], centres[:, hole, 1]
        boxes = ops.stack([y - half, y + half, x - half, x + half], axis=1)
        images = paste_boxes(images, fill, boxes)
    return images


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class Cutout(Eraser):
    """Erases squares.

    Args:
        length: side in pixels; an odd one counts as the even one below it.
        holes: how many in each image.
        fill: see Eraser.

    Example:
        images, labels = Cutout(16)(images, labels, keys)
    """

    length: int = 16
    holes: int = 1

    def __post_init__(self) -> None:
        if self.length < 2:
            raise ValueError(
                f"length must be at least 2. Received: length={self.length}"
            )
        if self.holes < 1:
            raise ValueError(
                f"holes must be at least 1. Received: holes={self.holes}"
            )
        super().__post_init__()

    def erase(self, images: Any, fill: Any, keys: Any) -> Any:
        drawn = draws.uniform(keys, "cutout", 2 * self.holes)
        drawn = ops.reshape(drawn, (-1, self.holes, 2))
        centres = draws.integers(drawn, images.shape[1:3])
        return cutout_batch(images, centres, self.length, fill)
