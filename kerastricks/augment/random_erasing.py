"""Random erasing: a rectangle of some images goes.

    area ~ U(area) of the image, aspect a by the law,
    h = round(sqrt(area a)), w = round(sqrt(area / a)),
    taken if h < H and w < W, else drawn again, at most `tries` times
    place: uniform among those inside

    law torchvision   a log-uniform on .3..3.3, area .02...33, 10 tries
    law paper         a uniform on .3..1/.3,   area .02...4,  100 tries

Paper: Zhong et al., arXiv 1708.04896, whose code has the second law; timm's is
the first with 1/.3 for 3.3 and 1/3 for .33. Acts on: the normalised batch.
Cost: one pass, two more with noise. Hurts: short trainings. Keras's
RandomErasing draws the probability itself (so a rate of p erases p/2 of the
images), and height and width without an aspect.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.erase import Eraser
from kerastricks.augment.paste import paste_boxes
from kerastricks.checks import check_choice, check_probability

LAWS = ("torchvision", "paper")
TRIES = {"torchvision": 10, "paper": 100}
AREAS = {"torchvision": (0.02, 0.33), "paper": (0.02, 0.4)}
ASPECTS = {"torchvision": (0.3, 3.3), "paper": (0.3, 1 / 0.3)}


def erasing_boxes(
    areas: Any, aspects: Any, places: Any, height: int, width: int
) -> Any:
    """int32 [B, 4] of (top, bottom, left, right); empty where no try fits.

    Args:
        areas: [B, tries], shares of the image.
        aspects: [B, tries], height over width.
        places: [B, 2], uniform draws for top and left.
    """
    pixels = areas * (height * width)
    heights = ops.cast(ops.round(ops.sqrt(pixels * aspects)), "int32")
    widths = ops.cast(ops.round(ops.sqrt(pixels / aspects)), "int32")
    fits = ops.logical_and(heights < height, widths < width)
    first = ops.argmax(ops.cast(fits, "int32"), axis=1)
    any_fits = ops.cast(ops.any(fits, axis=1), "int32")
    chosen = ops.one_hot(first, areas.shape[1], dtype="int32")
    h = ops.sum(heights * chosen, axis=1) * any_fits
    w = ops.sum(widths * chosen, axis=1) * any_fits
    top = draws.integers(places[:, 0], height - h + 1)
    left = draws.integers(places[:, 1], width - w + 1)
    return ops.stack([top, top + h, left, left + w], axis=1)


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class RandomErasing(Eraser):
    """Erases a rectangle of each image with probability `rate`.

    Args:
        area, aspect: ranges; empty: the law's.
        law: `torchvision` or `paper`.
        fill: see Eraser.

    Example:
        images, labels = RandomErasing(0.25)(images, labels, keys)
    """

    rate: float = 0.5
    area: tuple[float, ...] = ()
    aspect: tuple[float, ...] = ()
    law: str = "torchvision"

    def __post_init__(self) -> None:
        check_probability(rate=self.rate)
        check_choice(LAWS, law=self.law)
        super().__post_init__()
        for name in ("area", "aspect"):
            limits = getattr(self, name)
            if limits and not (len(limits) == 2 and 0 < limits[0] <= limits[1]):
                raise ValueError(
                    f"{name} must be 0 < smallest <= largest, or empty. "
                    f"Received: {name}={limits}"
                )
        if self.area and self.area[1] > 1:
            raise ValueError(
                "area must be shares of the image, at most 1. "
                f"Received: area={self.area}"
            )

    def boxes(self, keys: Any, height: int, width: int) -> Any:
        """int32 [B, 4], empty for images that stay whole."""
        tries = TRIES[self.law]
        drawn = draws.uniform(keys, "erasing", 3 + 2 * tries)
        low, high = self.aspect or ASPECTS[self.law]
        shapes = drawn[:, 3 + tries :]
        if self.law == "torchvision":
            aspects = ops.exp(draws.between(shapes, np.log(low), np.log(high)))
        else:
            aspects = draws.between(shapes, low, high)
        areas = draws.between(
            drawn[:, 3 : 3 + tries], *(self.area or AREAS[self.law])
        )
        boxes = erasing_boxes(areas, aspects, drawn[:, 1:3], height, width)
        return ops.where(drawn[:, :1] < self.rate, boxes, ops.zeros_like(boxes))

    def erase(self, images: Any, fill: Any, keys: Any) -> Any:
        boxes = self.boxes(keys, images.shape[1], images.shape[2])
        return paste_boxes(images, fill, boxes)
