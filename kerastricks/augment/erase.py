"""Erasing: some pixels of an image are replaced, its label stays.

    x'[i, j] = fill where mask[i, j], else x[i, j]

What the erasing tricks share; they differ in where. They act after the
normalisation, where 0 is the dataset's mean colour.
"""

import dataclasses
import math
import numbers
from typing import Any

import numpy as np
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.trick import ImageTrick

FILLS = ("mean", "color", "noise")
Fill = str | float | tuple[float, ...]


def erase_batch(images: Any, mask: Any, fill: Any = 0.0) -> Any:
    """float32 images [B, H, W, 3], with fill where the mask [B, H, W] says.

    Args:
        fill: a number, or what broadcasts to the images: [3], [B, 1, 1, 3].
    """
    images = ops.cast(images, "float32")
    fill = ops.convert_to_tensor(fill, dtype="float32")
    return ops.where(mask[..., None], fill, images)


def fill_values(fill: Fill, images: Any, keys: Any) -> Any:
    """What stands for `mean`, `color`, `noise`, a number or three."""
    if fill == "mean":
        return 0.0
    if fill == "color":
        return draws.normal(keys, "erase color", 3)[:, None, None, :]
    if fill == "noise":
        shape = images.shape[1:]
        pixels = draws.normal(keys, "erase noise", int(np.prod(shape)))
        return ops.reshape(pixels, (-1, *shape))
    return np.asarray(fill, np.float32)


def is_number(value: Any) -> bool:
    """Whether it is a finite one."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and math.isfinite(value)


@dataclasses.dataclass(frozen=True)
class Eraser(ImageTrick):
    """A trick that replaces some pixels.

    Args:
        fill: `mean` (0 once normalised), `color` (one for an image, N(0, 1)),
            `noise` (N(0, 1) for each pixel), a number or three.
    """

    fill: Fill = dataclasses.field(default="mean", kw_only=True)

    def __post_init__(self) -> None:
        values = self.fill if isinstance(self.fill, tuple) else (self.fill,)
        known = self.fill in FILLS or (
            len(values) in (1, 3) and all(map(is_number, values))
        )
        if not known:
            raise ValueError(
                f"fill must be {', '.join(FILLS)}, a number or three. "
                f"Received: fill={self.fill}"
            )

    def erase(self, images: Any, fill: Any, keys: Any) -> Any:
        """Images with the fill, a number or what broadcasts to them."""
        raise NotImplementedError

    def change(self, images: Any, keys: Any) -> Any:
        fill = fill_values(self.fill, images, keys)
        return self.erase(images, fill, keys)


@dataclasses.dataclass(frozen=True)
class MaskEraser(Eraser):
    """One whose pixels are no boxes: it makes a mask."""

    def mask(self, keys: Any, height: int, width: int) -> Any:
        """bool [B, H, W]: what goes."""
        raise NotImplementedError

    def erase(self, images: Any, fill: Any, keys: Any) -> Any:
        mask = self.mask(keys, images.shape[1], images.shape[2])
        return erase_batch(images, mask, fill)
