"""3-Augment: each image is greyed, solarized or blurred.

Touvron et al. (DeiT III), arXiv 2204.07118: one of the three, uniformly:

    grayscale      the luma in all three channels
    solarize       values from 128 on inverted
    blur           Gaussian, its sigma U(.1, 2) pixels

The paper's recipe has colour jitter of .3 and a flip besides, and the simple
crop; those are other tricks. Simpler than RandAugment, made for vision
transformers and long training. Acts on the cropped uint8 square on the host;
costs less than RandAugment. Hurts: classes that differ by colour.

Grayscale and solarize are Pillow's to the value. Pillow blurs by three box
filters a direction, each rounded to whole values and with the border's pixels
repeated; here the same three boxes are one filter, which rounds and repeats
once a direction: values differ by 2 at most, and by 8 at six pixels' border.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from kerastricks.data.crop import uniform
from kerastricks.data.policies import enhance, tones
from kerastricks.data.policies.geometry import flat

Tensor = Any
SIGMA = (0.1, 2.0)
THRESHOLD = 128.0
REACH = 6  # pixels on either side: three boxes of two


def three_augment(image: Tensor, choice: Tensor, sigma: Tensor) -> Tensor:
    """The drawn one of the three.

    Args:
        image: uint8 [H, W, 3].
        choice: int32; 0 grayscale, 1 solarize, 2 blur.
        sigma: float32, of the blur; up to 2.
    """
    branches = [
        lambda: enhance.grayscale(image),
        lambda: tones.solarize(image, THRESHOLD),
        lambda: blur(image, sigma),
    ]
    return tf.switch_case(choice, branches)


def blur(image: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur in Pillow's approximation, the border's pixels repeated."""
    height, width, _ = image.shape
    weights = three_boxes(sigma)
    # Rows out of columns, then columns out of rows.
    ends = tf.range(-REACH, height + REACH)
    tall = tf.gather(image, tf.clip_by_value(ends, 0, height - 1))
    tall = tf.cast(flat(tall), tf.float32)
    rows = tf.round(weighted([tall[i : i + height] for i in taps()], weights))
    left = tf.tile(rows[:, :3], [1, REACH])
    right = tf.tile(rows[:, -3:], [1, REACH])
    wide = tf.concat([left, rows, right], axis=1)
    both = weighted([wide[:, 3 * i : 3 * (i + width)] for i in taps()], weights)
    return tf.reshape(tf.cast(tf.round(both), tf.uint8), image.shape)


def taps() -> range:
    """Where the filter's weights lie on the padded image."""
    return range(2 * REACH + 1)


def weighted(parts: list[Tensor], weights: Tensor) -> Tensor:
    """The sum of the parts, the filter being symmetric."""
    pairs = [weights[i] * (parts[i] + parts[-1 - i]) for i in range(REACH)]
    return tf.add_n([*pairs, weights[REACH] * parts[REACH]])


def three_boxes(sigma: Tensor) -> Tensor:
    """float32 [13]: the box filter of Pillow's GaussianBlur, thrice.

    Its radius is chosen so that three boxes have the variance sigma^2; of the
    pixel that it cuts it takes a part (Gwosdek et al., "Theoretical
    foundations of Gaussian convolution by extended box filtering").
    """
    variance = sigma * sigma / 3
    whole = tf.floor((tf.sqrt(12 * variance + 1) - 1) / 2)
    part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance)
    part /= 6 * (variance - (whole + 1) ** 2)
    offset = tf.abs(tf.range(-2.0, 3.0))
    box = tf.clip_by_value(whole + part + 1 - offset, 0.0, 1.0)
    box /= 2 * (whole + part) + 1
    # Convolution of the box with itself, twice.
    twice = convolve(box, box)
    return convolve(twice, box)


def convolve(long: Tensor, short: Tensor) -> Tensor:
    """Of two short vectors, in full."""
    rest = short.shape[0] - 1
    padded = tf.pad(long, [[rest, rest]])
    count = long.shape[0] + rest
    return tf.add_n([short[i] * padded[i : i + count] for i in range(rest + 1)])


@dataclasses.dataclass(frozen=True)
class ThreeAugment:
    """Draws from a sample's key and applies.

    Example:
        ThreeAugment()(image, key=tf.constant([0, 1]))
    """

    def __call__(self, image: Tensor, key: Tensor) -> Tensor:
        draws = uniform([2], key)
        low, high = SIGMA
        choice = tf.cast(draws[0] * 3, tf.int32)
        return three_augment(image, choice, low + (high - low) * draws[1])
