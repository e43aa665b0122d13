"""Gaussian blur.

    x' = g * x,   g[k] ~ exp(-k^2 / 2 s^2) along either axis, sum 1,
    s uniform on sigma, with probability `rate`, image by image

Papers: SimCLR arXiv 2002.05709 (rate .5, sigma .1..2, 23 taps at 224 pixels),
BYOL arXiv 2006.07733. Borders mirror without repeating the edge, as
torchvision's. Acts on: the batch before its colours. Cost: two passes of
`kernel_size` multiply-adds. Hurts: classes told apart by texture.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.trick import ImageTrick
from kerastricks.checks import check_probability, check_range


def blur_batch(images: Any, sigma: Any, kernel_size: int = 23) -> Any:
    """Blurs images [B, H, W, C] by sigma [B] pixels; float32."""
    reach = kernel_size // 2
    places = np.arange(-reach, reach + 1, dtype=np.float32)
    weights = ops.exp(-0.5 * (places[None] / sigma[:, None]) ** 2)
    weights = weights / ops.sum(weights, axis=1, keepdims=True)
    images = ops.cast(images, "float32")
    for axis in (1, 2):
        images = blurred(images, weights, axis)
    return images


def blurred(images: Any, weights: Any, axis: int) -> Any:
    """Along one axis, by weights [B, K]."""
    side, taps = images.shape[axis], weights.shape[1]
    margins = [(0, 0)] * 4
    margins[axis] = (taps // 2, taps // 2)
    padded = ops.pad(images, margins, mode="reflect")
    total = 0.0
    for tap in range(taps):
        window = [slice(None)] * 4
        window[axis] = slice(tap, tap + side)
        total += weights[:, tap, None, None, None] * padded[tuple(window)]
    return total


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class GaussianBlur(ImageTrick):
    """Blurs each image with probability `rate`.

    Args:
        sigma: smallest and largest deviation, in pixels.
        kernel_size: taps along an axis, odd; 0: a tenth of the shorter side
            of the image, as SimCLR has it.

    Example:
        images, labels = GaussianBlur(0.5)(images, labels, keys)
    """

    rate: float = 0.5
    sigma: tuple[float, float] = (0.1, 2.0)
    kernel_size: int = 0

    def __post_init__(self) -> None:
        check_probability(rate=self.rate)
        check_range(sigma=self.sigma)
        if self.kernel_size < 0 or (
            self.kernel_size and not self.kernel_size % 2
        ):
            raise ValueError(
                "kernel_size must be odd, or 0. "
                f"Received: kernel_size={self.kernel_size}"
            )

    def change(self, images: Any, keys: Any) -> Any:
        side = min(images.shape[1:3])
        taps = self.kernel_size or max(3, side // 20 * 2 + 1)
        if taps // 2 >= side:
            raise ValueError(
                "kernel_size must be below twice the image's side. "
                f"Received: kernel_size={taps}, side={side}"
            )
        chance, place = ops.split(draws.uniform(keys, "blur", 2), 2, axis=1)
        sigma = draws.between(place[:, 0], *self.sigma)
        changed = blur_batch(images, sigma, taps)
        chosen = (chance < self.rate)[:, :, None, None]
        return ops.where(chosen, changed, ops.cast(images, "float32"))
