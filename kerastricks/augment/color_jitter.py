"""Colour jitter: brightness, contrast, saturation and hue by chance.

    brightness   x' = f x                        f ~ U(1 - s, 1 + s), >= 0
    contrast     x' = f x + (1 - f) mean grey    f likewise
    saturation   x' = f x + (1 - f) grey(x)      f likewise
    hue          the chroma plane of YIQ turned by U(-s, s) half circles

each image with factors of its own. Papers: arXiv 1312.5402, bag of tricks arXiv
1812.01187 (.4 each; its code has no hue). Acts on: the batch, in one matrix
with the other colour tricks. Cost: with them, one pass. Hurts: classes told
apart by colour, above all by hue. Keras's RandomColorJitter adds brightness
instead of multiplying and changes the contrast of each channel by itself.

Order. The four commute: saturation and hue leave grey where it is, brightness
and contrast treat all channels alike (with hue nearly: YIQ's rounded numbers
tint grey, .05 of 255 at strengths of .4 and .1, .9 at 1 and .5). So an order
shows only where values are cut off between the steps. `clip="step"` does so, as
torchvision, in an order drawn for each image, or `fixed` as listed; it takes
four passes, each with a mean.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import color, draws
from kerastricks.checks import check_choice

ORDERS = ("random", "fixed")
CLIPS = ("end", "step", "never")


@dataclasses.dataclass(frozen=True)
class Amounts:
    """What is drawn: factors [B], of which 1 changes nothing, half circles."""

    brightness: Any
    contrast: Any
    saturation: Any
    hue: Any

    def matrices(self, mean: Any) -> list[Any]:
        """The four [B, 3, 4] for images of these mean colours [B, 3]."""
        return [
            color.brightness_matrix(self.brightness),
            color.contrast_matrix(self.contrast, mean),
            color.saturation_matrix(self.saturation),
            color.hue_matrix(self.hue),
        ]


def color_matrix(
    brightness: Any, contrast: Any, saturation: Any, hue: Any, mean: Any
) -> Any:
    """[B, 3, 4] of the four changes, which commute.

    Args:
        brightness, contrast, saturation: factors [B]; 1 changes nothing.
        hue: half circles [B].
        mean: colour [B, 3] of the images.
    """
    amounts = Amounts(brightness, contrast, saturation, hue)
    # Contrast first: only there the mean is the images' own.
    first, total, *others = amounts.matrices(mean)
    for matrix in (first, *others):
        total = color.compose(total, matrix)
    return total


def jitter_by_steps(images: Any, amounts: Amounts, order: Any = None) -> Any:
    """Images [B, H, W, 3] with each change cut to 0..255 before the next.

    Args:
        order: int [B, 4], which comes first, second, ...: 0 brightness, 1
            contrast, 2 saturation, 3 hue; by default as they stand here.
    """
    images = ops.cast(images, "float32")
    for place in range(4):
        matrices = amounts.matrices(color.mean_color(images))
        matrix = matrices[place]
        if order is not None:
            one_hot = ops.one_hot(order[:, place], 4, dtype="float32")
            stacked = ops.stack(matrices, axis=1)
            matrix = ops.sum(one_hot[:, :, None, None] * stacked, axis=1)
        images = color.apply_color(images, matrix, (0.0, 255.0))
    return images


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class ColorJitter(color.ColorTrick):
    """Changes brightness, contrast, saturation and hue of each image.

    Args:
        brightness, contrast, saturation: strengths, at least 0.
        hue: largest turn in half circles, 0..0.5, as MXNet; torchvision's
            unit is a whole one.
        order: with clip=`step`: `random` for each image, or `fixed`.
        clip: cut to 0..255 at the `end`, after each `step`, or `never`.

    Example:
        images, labels = ColorJitter(0.4, 0.4, 0.4)(images, labels, keys)
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.0
    order: str = "random"
    clip: str = "end"

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
        check_choice(CLIPS, clip=self.clip)

    @property
    def clips(self) -> bool:  # type: ignore[override]
        return self.clip == "end"

    @property
    def composes(self) -> bool:  # type: ignore[override]
        return self.clip != "step"

    def amounts(self, keys: Any) -> Amounts:
        """Draws for each image."""
        drawn = draws.uniform(keys, "colour jitter", 4)
        strengths = (self.brightness, self.contrast, self.saturation)
        brightness, contrast, saturation = (
            draws.between(drawn[:, place], max(0.0, 1 - s), 1 + s)
            for place, s in enumerate(strengths)
        )
        hue = draws.between(drawn[:, 3], -self.hue, self.hue)
        return Amounts(brightness, contrast, saturation, hue)

    def matrix(self, keys: Any, mean: Any) -> Any:
        return color_matrix(**vars(self.amounts(keys)), mean=mean)

    def change(self, images: Any, keys: Any) -> Any:
        if self.composes:
            return super().change(images, keys)
        order = None
        if self.order == "random":
            order = draws.order_of(keys, "colour order", 4)
        return jitter_by_steps(images, self.amounts(keys), order)
