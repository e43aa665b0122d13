"""AutoAugment: pairs of operations that a search found on a data set.

Cubuk et al., arXiv 1805.09501, as torchvision has the three published policies.
Each image draws one of 25 pairs; each operation of the pair acts with its own
probability at its own one of 10 levels, the sign drawn where it has one. Acts
on the cropped uint8 square on the host; costs about as much as RandAugment,
whose law has two numbers instead of a table. Hurts: images unlike those that
the policy was searched on.
"""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data.crop import uniform
from kerastricks.data.policies import magnitudes, ops
from kerastricks.data.policies.randaugment import signed
from kerastricks.errors import InputError

Tensor = Any
Step = tuple[str, float, int]  # operation, probability, level
LEVELS = 10
# "Identity" stands in for an operation that is drawn not to act.
NAMES = (
    ("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
    + ("Brightness", "Color", "Contrast", "Sharpness")
    + ("Posterize", "Solarize", "AutoContrast", "Equalize", "Invert")
)


def parse(text: str) -> tuple[tuple[Step, ...], ...]:
    """A line for each pair; a dash for the level that means nothing."""

    def step(words: str) -> Step:
        name, probability, level = words.split()
        return name, float(probability), 0 if level == "-" else int(level)

    lines = text.strip().splitlines()
    return tuple(tuple(map(step, line.split(","))) for line in lines)


IMAGENET = parse(
    """
    Posterize 0.4 8, Rotate 0.6 9
    Solarize 0.6 5, AutoContrast 0.6 -
    Equalize 0.8 -, Equalize 0.6 -
    Posterize 0.6 7, Posterize 0.6 6
    Equalize 0.4 -, Solarize 0.2 4
    Equalize 0.4 -, Rotate 0.8 8
    Solarize 0.6 3, Equalize 0.6 -
    Posterize 0.8 5, Equalize 1.0 -
    Rotate 0.2 3, Solarize 0.6 8
    Equalize 0.6 -, Posterize 0.4 6
    Rotate 0.8 8, Color 0.4 0
    Rotate 0.4 9, Equalize 0.6 -
    Equalize 0.0 -, Equalize 0.8 -
    Invert 0.6 -, Equalize 1.0 -
    Color 0.6 4, Contrast 1.0 8
    Rotate 0.8 8, Color 1.0 2
    Color 0.8 8, Solarize 0.8 7
    Sharpness 0.4 7, Invert 0.6 -
    ShearX 0.6 5, Equalize 1.0 -
    Color 0.4 0, Equalize 0.6 -
    Equalize 0.4 -, Solarize 0.2 4
    Solarize 0.6 5, AutoContrast 0.6 -
    Invert 0.6 -, Equalize 1.0 -
    Color 0.6 4, Contrast 1.0 8
    Equalize 0.8 -, Equalize 0.6 -
    """
)

CIFAR = parse(
    """
    Invert 0.1 -, Contrast 0.2 6
    Rotate 0.7 2, TranslateX 0.3 9
    Sharpness 0.8 1, Sharpness 0.9 3
    ShearY 0.5 8, TranslateY 0.7 9
    AutoContrast 0.5 -, Equalize 0.9 -
    ShearY 0.2 7, Posterize 0.3 7
    Color 0.4 3, Brightness 0.6 7
    Sharpness 0.3 9, Brightness 0.7 9
    Equalize 0.6 -, Equalize 0.5 -
    Contrast 0.6 7, Sharpness 0.6 5
    Color 0.7 7, TranslateX 0.5 8
    Equalize 0.3 -, AutoContrast 0.4 -
    TranslateY 0.4 3, Sharpness 0.2 6
    Brightness 0.9 6, Color 0.2 8
    Solarize 0.5 2, Invert 0.0 -
    Equalize 0.2 -, AutoContrast 0.6 -
    Equalize 0.2 -, Equalize 0.6 -
    Color 0.9 9, Equalize 0.6 -
    AutoContrast 0.8 -, Solarize 0.2 8
    Brightness 0.1 3, Color 0.7 0
    Solarize 0.4 5, AutoContrast 0.9 -
    TranslateY 0.9 9, TranslateY 0.7 9
    AutoContrast 0.9 -, Solarize 0.8 3
    Equalize 0.8 -, Invert 0.1 -
    TranslateY 0.7 9, AutoContrast 0.9 -
    """
)

SVHN = parse(
    """
    ShearX 0.9 4, Invert 0.2 -
    ShearY 0.9 8, Invert 0.7 -
    Equalize 0.6 -, Solarize 0.6 6
    Invert 0.9 -, Equalize 0.6 -
    Equalize 0.6 -, Rotate 0.9 3
    ShearX 0.9 4, AutoContrast 0.8 -
    ShearY 0.9 8, Invert 0.4 -
    ShearY 0.9 5, Solarize 0.2 6
    Invert 0.9 -, AutoContrast 0.8 -
    Equalize 0.6 -, Rotate 0.9 3
    ShearX 0.9 4, Solarize 0.3 3
    ShearY 0.8 8, Invert 0.7 -
    Equalize 0.9 -, TranslateY 0.6 6
    Invert 0.9 -, Equalize 0.6 -
    Contrast 0.3 3, Rotate 0.8 4
    Invert 0.8 -, TranslateY 0.0 2
    ShearY 0.7 6, Solarize 0.4 8
    Invert 0.6 -, Rotate 0.8 4
    ShearY 0.3 7, TranslateX 0.9 3
    ShearX 0.1 6, Invert 0.6 -
    Solarize 0.7 2, TranslateY 0.6 7
    ShearY 0.8 4, Invert 0.8 -
    ShearX 0.7 9, TranslateY 0.8 3
    ShearY 0.8 5, AutoContrast 0.7 -
    ShearX 0.7 2, Invert 0.1 -
    """
)


POLICIES = {"imagenet": IMAGENET, "cifar": CIFAR, "svhn": SVHN}


def space(height: int, width: int) -> Any:
    """float32 [15, 10]: magnitudes of each operation for this size."""
    share = 150 / 331
    return magnitudes.table(
        NAMES, LEVELS, translate=(share * width, share * height)
    )


def auto_augment(
    image: Tensor,
    policy: tuple[tuple[Step, ...], ...],
    pair: Tensor,
    chances: Tensor,
    negative: Tensor,
    fill: int = 0,
) -> Tensor:
    """The drawn pair's operations, those whose probability holds.

    Args:
        image: uint8 [H, W, 3].
        pair: int32, 0 to 24.
        chances: float32 [2] in [0, 1); an operation acts up to its probability.
        negative: bool [2], signs for the operations that have one.
    """
    height, width, _ = image.shape
    indices, probabilities, levels = (np.array(c) for c in columns(policy))
    strengths = np.take_along_axis(
        space(height, width)[indices], levels[..., None], axis=-1
    )[..., 0]
    acts = chances <= tf.gather(probabilities.astype(np.float32), pair)
    index = tf.where(acts, tf.gather(indices.astype(np.int32), pair), 0)
    strength = signed(NAMES, index, tf.gather(strengths, pair), negative)
    return ops.apply_all(NAMES, index, image, strength, fill)


def columns(policy: tuple[tuple[Step, ...], ...]) -> tuple[Any, ...]:
    """(indices in NAMES, probabilities, levels), [25, 2] each."""
    return tuple(
        [[value(step) for step in pair] for pair in policy]
        for value in (
            lambda step: NAMES.index(step[0]),
            lambda step: step[1],
            lambda step: step[2],
        )
    )


@dataclasses.dataclass(frozen=True)
class AutoAugment:
    """Draws from a sample's key and applies.

    Args:
        policy: imagenet, cifar or svhn.
        fill: gray value of what comes from outside the picture.

    Example:
        AutoAugment("cifar")(image, key=tf.constant([0, 1]))
    """

    policy: str = "imagenet"
    fill: int = 0

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise InputError(
                f"autoaugment is one of {', '.join(POLICIES)}. "
                f"Received: {self.policy}"
            )

    def __call__(self, image: Tensor, key: Tensor) -> Tensor:
        policy = POLICIES[self.policy]
        draws = uniform([5], key)
        return auto_augment(
            image,
            policy,
            tf.cast(draws[0] * len(policy), tf.int32),
            draws[1:3],
            draws[3:] < 0.5,
            self.fill,
        )
