"""Mirroring.

    x'[i, j] = x[i, W - 1 - j]   with probability `rate`, image by image

Acts on: the uint8 batch, first of all. Cost: one pass over bytes. Hurts: where
left and right mean something (digits, text, arrows).
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.trick import BatchTrick


def flip_batch(images: Any, mirrored: Any) -> Any:
    """Mirrors the images [B, H, W, C] that `mirrored` (bool [B]) names.

    In as few dimensions as will do: on CPUs TensorFlow flips and chooses six
    times faster so.
    """
    height, width, channels = images.shape[1:]
    flat = (-1, height * width * channels)
    turned = ops.flip(ops.reshape(images, (-1, width, channels)), axis=1)
    chosen = ops.where(
        mirrored[:, None], ops.reshape(turned, flat), ops.reshape(images, flat)
    )
    return ops.reshape(chosen, (-1, height, width, channels))


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class RandomFlip(BatchTrick):
    """Mirrors each image with probability `rate`.

    Example:
        images, labels = RandomFlip()(images, labels, keys)
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(
                f"rate must be in [0, 1]. Received: rate={self.rate}"
            )

    def __call__(self, images: Any, labels: Any, keys: Any) -> tuple[Any, Any]:
        mirrored = draws.uniform(keys, "flip")[:, 0] < self.rate
        return flip_batch(images, mirrored), labels
