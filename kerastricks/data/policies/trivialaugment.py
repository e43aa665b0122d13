"""TrivialAugment (Wide): one operation of any strength for each image.

Mueller and Hutter, arXiv 2103.10158, by torchvision's law: one of RandAugment's
14 operations, one of 31 magnitudes that reach farther than RandAugment's (shear
.99, 32 pixels, 135 degrees, factors of 1 +- .99, 2 bits), a drawn sign. Nothing
to tune. Acts on the cropped uint8 square on the host and costs half of
RandAugment. Hurts: small images, which a shift by 32 pixels may move out of
sight: it was meant for 224.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from kerastricks.data.crop import uniform
from kerastricks.data.policies import magnitudes, ops
from kerastricks.data.policies.randaugment import BINS, NAMES, signed

Tensor = Any
SPACE = magnitudes.table(
    NAMES,
    BINS,
    shear=0.99,
    translate=(32.0, 32.0),
    degrees=135.0,
    enhance=0.99,
    bits_left=(8, 6),
)


def trivial_augment(
    image: Tensor,
    index: Tensor,
    magnitude: Tensor,
    negative: Tensor,
    fill: int = 0,
) -> Tensor:
    """The drawn operation.

    Args:
        image: uint8 [H, W, 3].
        index: int32, a place in randaugment's NAMES.
        magnitude: int32, 0 to 30.
        negative: bool, the sign if the operation has one.
    """
    strength = tf.gather_nd(SPACE, [index, magnitude])
    strength = signed(NAMES, index, strength, negative)
    return ops.apply(NAMES, index, image, strength, fill)


@dataclasses.dataclass(frozen=True)
class TrivialAugment:
    """Draws from a sample's key and applies.

    Args:
        fill: gray value of what comes from outside the picture.

    Example:
        TrivialAugment()(image, key=tf.constant([0, 1]))
    """

    fill: int = 0

    def __call__(self, image: Tensor, key: Tensor) -> Tensor:
        draws = uniform([3], key)
        return trivial_augment(
            image,
            tf.cast(draws[0] * len(NAMES), tf.int32),
            tf.cast(draws[1] * BINS, tf.int32),
            draws[2] < 0.5,
            self.fill,
        )
