"""RandAugment: n operations drawn for each image, all of one strength.

Cubuk et al., arXiv 1909.13719, by torchvision's law: with replacement out of 14
operations (one of them does nothing), the m-th of 31 magnitudes, its sign drawn
where the operation has one. Acts on the cropped uint8 square on the host.

Cost: the host's work for the crop once more. Hurts: small networks and short
runs, for which it is too strong. Two different things go by its name: timm's
`rand-m9` leaves each operation out half of the time, counts the strength to 10
and has its own operations; keras.layers.RandAugment draws one choice for a
whole batch. Here each image has its own.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from kerastricks.data.crop import uniform
from kerastricks.data.policies import magnitudes, ops
from kerastricks.errors import InputError

Tensor = Any
BINS = 31
NAMES = (
    ("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
    + ("Brightness", "Color", "Contrast", "Sharpness")
    + ("Posterize", "Solarize", "AutoContrast", "Equalize")
)


def space(height: int, width: int) -> Any:
    """float32 [14, 31]: magnitudes of each operation for this size."""
    share = 150 / 331
    return magnitudes.table(
        NAMES, BINS, translate=(share * width, share * height)
    )


def rand_augment(
    image: Tensor,
    indices: Tensor,
    negative: Tensor,
    magnitude: int,
    fill: int = 0,
) -> Tensor:
    """The drawn operations in turn.

    Args:
        image: uint8 [H, W, 3].
        indices: int32 [n], places in NAMES.
        negative: bool [n], signs for the operations that have one.
        magnitude: 0 to 30.
    """
    height, width, _ = image.shape
    strengths = tf.gather(space(height, width)[:, magnitude], indices)
    strengths = signed(NAMES, indices, strengths, negative)
    return ops.apply_all(NAMES, indices, image, strengths, fill)


def signed(
    names: tuple[str, ...], indices: Tensor, strengths: Tensor, negative: Tensor
) -> Tensor:
    """The strengths, negative where drawn so and where that means anything."""
    turn = negative & tf.gather(magnitudes.signs(names), indices)
    return tf.where(turn, -strengths, strengths)


@dataclasses.dataclass(frozen=True)
class RandAugment:
    """Draws from a sample's key and applies.

    Args:
        num_ops: operations for an image.
        magnitude: their strength, 0 to 30.
        fill: gray value of what comes from outside the picture.

    Example:
        RandAugment(2, 9)(image, key=tf.constant([0, 1]))
    """

    num_ops: int = 2
    magnitude: int = 9
    fill: int = 0

    def __post_init__(self) -> None:
        if self.num_ops < 1 or not 0 <= self.magnitude < BINS:
            raise InputError(
                "randaugment needs n of at least 1 and m from 0 to 30. "
                f"Received: n={self.num_ops}, m={self.magnitude}"
            )

    def __call__(self, image: Tensor, key: Tensor) -> Tensor:
        draws = uniform([2, self.num_ops], key)
        indices = tf.cast(draws[0] * len(NAMES), tf.int32)
        return rand_augment(
            image, indices, draws[1] < 0.5, self.magnitude, self.fill
        )
