"""Colour jitter: brightness, contrast, saturation and hue by chance.

    brightness   x' = f x                        f ~ U(1 - s, 1 + s), >= 0
    contrast     x' = f x + (1 - f) mean grey    f likewise
    saturation   x' = f x + (1 - f) grey(x)      f likewise
    hue          the chroma plane of YIQ turned by U(-s, s) half circles

each image with factors and an order of its own. Papers: arXiv 1312.5402, bag of
tricks arXiv 1812.01187 (.4 each; its code has no hue). Acts on: the batch, in
one matrix with the other colour tricks. Cost: with them, one pass. Hurts:
classes told apart by colour, above all by hue. Keras's RandomColorJitter adds
brightness instead of multiplying and keeps one order.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import color, draws
from kerastricks.augment.trick import check_choice

ORDERS = ("random", "fixed")


def color_matrix(
    brightness: Any,
    contrast: Any,
    saturation: Any,
    hue: Any,
    mean: Any,
    order: Any = None,
) -> Any:
    """[B, 3, 4] of the four changes.

    Args:
        brightness, contrast, saturation: factors [B]; 1 changes nothing.
        hue: half circles [B].
        mean: colour [B, 3] of the images.
        order: int [B, 4], which of the four comes first, second, ...; by
            default as they stand here.
    """
    total = color.affine(
        color.scaled_identity(ops.ones_like(brightness)),
        color.zeros_of(brightness),
    )
    still = (
        color.brightness_matrix(brightness),
        color.saturation_matrix(saturation),
        color.hue_matrix(hue),
    )
    for place in range(4):
        now = color.mean_after(total, mean)
        matrices = (still[0], color.contrast_matrix(contrast, now), *still[1:])
        if order is None:
            chosen = matrices[place]
        else:
            one_hot = ops.one_hot(order[:, place], 4, dtype="float32")
            chosen = ops.sum(
                one_hot[:, :, None, None] * ops.stack(matrices, axis=1), axis=1
            )
        total = color.compose(total, chosen)
    return total


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class ColorJitter(color.ColorTrick):
    """Changes brightness, contrast, saturation and hue of each image.

    Args:
        brightness, contrast, saturation: strengths, at least 0.
        hue: at most half a circle: 0..0.5, of MXNet's unit, half of
            torchvision's.
        order: `random` for each image, as torchvision; `fixed` as listed.
        clip: cut to 0..255 at the end.

    Example:
        images, labels = ColorJitter(0.4, 0.4, 0.4)(images, labels, keys)
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.0
    order: str = "random"
    clip: bool = True

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            if not getattr(self, name) >= 0:
                raise ValueError(
                    f"{name} must be at least 0. "
                    f"Received: {name}={getattr(self, name)}"
                )
        if not 0 <= self.hue <= 0.5:
            raise ValueError(
                f"hue must be in [0, 0.5]. Received: hue={self.hue}"
            )
        check_choice(ORDERS, order=self.order)

    def matrix(self, keys: Any, mean: Any) -> Any:
        drawn = draws.uniform(keys, "colour jitter", 4)
        strengths = (self.brightness, self.contrast, self.saturation)
        brightness, contrast, saturation = (
            draws.between(drawn[:, place], max(0.0, 1 - s), 1 + s)
            for place, s in enumerate(strengths)
        )
        hue = draws.between(drawn[:, 3], -self.hue, self.hue)
        order = None
        if self.order == "random":
            order = draws.order_of(keys, "colour order", 4)
        return color_matrix(brightness, contrast, saturation, hue, mean, order)
