"""AugMix: chains of mild operations, mixed with the image.

    out = (1 - m) image + m sum_i w_i chain_i(image)
    m ~ Beta(1, 1), w ~ Dirichlet(1), each chain 1 to 3 operations

Hendrycks et al., arXiv 1912.02781, by torchvision's law: 13 operations, those
of the paper and brightness, colour, contrast and sharpness. Two differences:
shears and turns take the nearest pixel, where torchvision's default and the
paper's code interpolate, and the operations are those of PIL images, as in the
paper's code. The consistency loss of the paper
is another trick, and not part of this one.

Acts on the cropped uint8 square on the host. Made for robustness to corrupted
images rather than for accuracy on clean ones. Costs the host as much as six
operations for each image: three times RandAugment. Hurts: runs that wait for
their input.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from kerastricks.data.crop import uniform
from kerastricks.data.policies import magnitudes, ops
from kerastricks.data.policies.randaugment import signed
from kerastricks.errors import InputError

Tensor = Any
LEVELS = 10
LONGEST = 3  # operations of a chain, if their number is drawn
NAMES = (
    ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
    + ("Posterize", "Solarize", "AutoContrast", "Equalize")
    + ("Brightness", "Color", "Contrast", "Sharpness")
)


def space(height: int, width: int) -> Any:
    """float32 [13, 10]: magnitudes of each operation for this size."""
    return magnitudes.table(
        NAMES, LEVELS, translate=(width / 3, height / 3), bits_left=(4, 4)
    )


def aug_mix(
    image: Tensor,
    indices: Tensor,
    levels: Tensor,
    negative: Tensor,
    lengths: Tensor,
    weights: Tensor,
    fill: int = 0,
) -> Tensor:
    """The weighted sum of the image and its chains.

    Args:
        image: uint8 [H, W, 3].
        indices: int32 [chains, longest], places in NAMES.
        levels: int32 [chains, longest], 0 to 9.
        negative: bool [chains, longest], signs for operations that have one.
        lengths: int32 [chains], how many of its operations each chain does.
        weights: float32 [1 + chains] of the image and of each chain.
    """
    height, width, _ = image.shape
    places = tf.stack([indices, levels], axis=-1)
    strengths = tf.gather_nd(space(height, width), places)
    strengths = signed(NAMES, indices, strengths, negative)

    def add(chain: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        length = lengths[chain]
        new = ops.apply_all(
            NAMES,
            indices[chain, :length],
            image,
            strengths[chain, :length],
            fill,
        )
        return chain + 1, total + weights[chain + 1] * tf.cast(new, tf.float32)

    chains = tf.shape(indices)[0]
    total = tf.while_loop(
        lambda chain, total: chain < chains,
        add,
        (0, weights[0] * tf.cast(image, tf.float32)),
        parallel_iterations=1,
    )[1]
    return tf.cast(total, tf.uint8)


@dataclasses.dataclass(frozen=True)
class AugMix:
    """Draws from a sample's key and applies.

    Args:
        severity: 1 to 10; levels are drawn below it.
        width: number of chains.
        depth: operations of each chain; 0 draws 1 to 3.
        fill: gray value of what comes from outside the picture.

    Example:
        AugMix(severity=3)(image, key=tf.constant([0, 1]))
    """

    severity: int = 3
    width: int = 3
    depth: int = 0
    fill: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.severity <= LEVELS or self.width < 1 or self.depth < 0:
            raise InputError(
                "augmix needs s from 1 to 10, w of at least 1 and d of at "
                f"least 0. Received: s={self.severity}, w={self.width}, "
                f"d={self.depth}"
            )

    def __call__(self, image: Tensor, key: Tensor) -> Tensor:
        longest = self.depth or LONGEST
        draws = uniform([3, self.width, longest], key)
        # Other draws for the weights: a word that no sample's key has flipped.
        others = uniform([2, self.width + 1], key ^ 0x3A1C)
        lengths = tf.cast(1 + others[1, 1:] * LONGEST, tf.int32)
        if self.depth:
            lengths = tf.fill([self.width], self.depth)
        return aug_mix(
            image,
            tf.cast(draws[0] * len(NAMES), tf.int32),
            tf.cast(draws[1] * self.severity, tf.int32),
            draws[2] < 0.5,
            lengths,
            mixing_weights(others[1, 0], others[0, 1:]),
            self.fill,
        )


def mixing_weights(share: Tensor, draws: Tensor) -> Tensor:
    """[1 + chains] weights: 1 - share, and share split by Dirichlet(1).

    Args:
        share: uniform, which is Beta(1, 1).
        draws: uniform [chains].
    """
    parts = -tf.math.log1p(-draws) + 1e-12  # exponential; never all zero
    parts *= share / tf.reduce_sum(parts)
    return tf.concat([[1 - share], parts], axis=0)
