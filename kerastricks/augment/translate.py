"""Random translation: the image moves by up to so many pixels.

    x'[i, j] = x[r(i + dy), r(j + dx)],   dy, dx uniform on -pixels..pixels

r mirrors at the border without repeating it (`reflect`, as airbench pads) or
leads to black. The same law as padding by `pixels` and cropping at random, at
the cost of no padding.

Papers: arXiv 1512.03385 (CIFAR, zeros), airbench arXiv 2404.00498 (reflect).
Acts on: the uint8 batch. Cost: one pass over bytes. Hurts: nothing much; at 224
pixels a random resized crop already does more.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.trick import ImageTrick
from kerastricks.checks import check_choice

FILLS = ("reflect", "zeros")


def translate_batch(images: Any, offsets: Any, fill: str = "reflect") -> Any:
    """Moves images [B, H, W, C] up and left by offsets (int [B, 2])."""
    for axis in (1, 2):
        images = moved(images, offsets[:, axis - 1], axis, fill)
    return images


def moved(images: Any, offset: Any, axis: int, fill: str) -> Any:
    """Along one axis."""
    side = images.shape[axis]
    places = ops.arange(side, dtype="int32")[None] + offset[:, None]
    inside = ops.logical_and(places >= 0, places < side)
    # -1 -> 1, and side -> side - 2.
    mirrored = (side - 1) - ops.abs((side - 1) - ops.abs(places))
    shape = [-1, 1, 1, 1]
    shape[axis] = side
    taken = ops.take_along_axis(
        images, ops.reshape(ops.clip(mirrored, 0, side - 1), shape), axis=axis
    )
    if fill == "reflect":
        return taken
    return ops.where(ops.reshape(inside, shape), taken, ops.zeros_like(taken))


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class RandomTranslate(ImageTrick):
    """Moves each image by up to `pixels` along both axes.

    Args:
        fill: what comes in at the border: `reflect` or `zeros`.

    Example:
        images, labels = RandomTranslate(4)(images, labels, keys)
    """

    pixels: int = 2
    fill: str = "reflect"

    def __post_init__(self) -> None:
        if self.pixels < 0:
            raise ValueError(
                f"pixels must be at least 0. Received: pixels={self.pixels}"
            )
        check_choice(FILLS, fill=self.fill)

    def change(self, images: Any, keys: Any) -> Any:
        if self.pixels >= min(images.shape[1:3]):
            raise ValueError(
                "pixels must be below the image's sides. Received: "
                f"pixels={self.pixels}, images of {images.shape[1:3]}"
            )
        drawn = draws.uniform(keys, "translate", 2)
        offsets = draws.integers(drawn, 2 * self.pixels + 1) - self.pixels
        return translate_batch(images, offsets, self.fill)
