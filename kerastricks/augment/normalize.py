"""Bytes to numbers around zero.

    x' = (x - mean) / std   per channel, x on 0..255, float32

Acts on: every batch, also in evaluation and in the served model; in training in
one matrix with the colour tricks before it. Cost: one pass; the host sends
bytes, a quarter of what numbers are. Hurts: weights that were trained with
other numbers.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment import color


def scale_and_shift(mean: Any, std: Any) -> tuple[Any, Any]:
    """float32 [3] twice: x' = scale x + shift."""
    scale = 1 / np.asarray(std, np.float32)
    return scale, -np.asarray(mean, np.float32) * scale


def normalize_batch(images: Any, mean: Any, std: Any) -> Any:
    """float32 [B, H, W, 3] of images on 0..255."""
    scale, shift = scale_and_shift(mean, std)
    return ops.cast(images, "float32") * scale + shift


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class Normalize(color.ColorTrick):
    """Subtracts the mean and divides by the deviation of each channel.

    Args:
        mean, std: on 0..255; by default ImageNet's.
    """

    mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    std: tuple[float, ...] = (58.395, 57.12, 57.375)
    training_only = False

    def __post_init__(self) -> None:
        if not all(deviation > 0 for deviation in self.std):
            raise ValueError(f"std must be above 0. Received: std={self.std}")

    def change(self, images: Any, keys: Any) -> Any:
        return normalize_batch(images, self.mean, self.std)

    def matrix(self, keys: Any, mean: Any) -> Any:
        scale, shift = scale_and_shift(self.mean, self.std)
        together = np.concatenate([np.diag(scale), shift[:, None]], axis=1)
        return ops.convert_to_tensor(together[None])

    def limits(self, low: Any, high: Any) -> color.Limits:
        return tuple(
            (limit - np.asarray(self.mean)) / np.asarray(self.std)
            for limit in (low, high)
        )
