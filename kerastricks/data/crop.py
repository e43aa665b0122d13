"""Random resized crop by torchvision's law.

Ten tries: area ~ U(area) * H * W, aspect = exp U(log aspect), width = round
sqrt(area * aspect), height = round sqrt(area / aspect), accepted if both fit;
the corner is uniform over all places. If no try fits: the largest centre crop
whose aspect is in range. Inception (arXiv 1409.4842) trained so; the law is
that of torchvision's RandomResizedCrop. Acts on: which part of an image is
decoded. Cost: less decoding than the whole. Hurts: small objects and short
runs: the smallest crops may miss the object (`--crop_area` begins higher then).

TensorFlow's `sample_distorted_bounding_box` has another law: the crop's height
is uniform instead of its area (mean share .45 instead of .54), so that what it
trains sees smaller crops than the recipes that quote it.
"""

import math
from typing import Any

import tensorflow as tf

Tensor = Any
TRIES = 10
PHILOX = 1  # the generator behind tf.random.stateless_uniform


def random_resized_crop_box(
    height: Tensor,
    width: Tensor,
    key: Tensor,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> Tensor:
    """int32 [top, left, height, width], a function of the int32 [2] key."""
    return crop_box(height, width, uniform([4, TRIES], key), area, aspect)


def uniform(shape: list[int], key: Tensor) -> Tensor:
    """`tf.random.stateless_uniform`, its two operations alone."""
    state, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=key)
    return tf.raw_ops.StatelessRandomUniformV2(
        shape=shape, key=state, counter=counter, alg=PHILOX
    )


def crop_box(
    height: Tensor,
    width: Tensor,
    draws: Tensor,
    area: tuple[float, float],
    aspect: tuple[float, float],
) -> Tensor:
    """The box for uniform [0, 1) draws [4, tries]: area, aspect, top, left."""
    full_h = tf.cast(height, tf.float32)
    full_w = tf.cast(width, tf.float32)
    low, high = math.log(aspect[0]), math.log(aspect[1])
    target = (area[0] + (area[1] - area[0]) * draws[0]) * full_h * full_w
    ratio = tf.exp(low + (high - low) * draws[1])
    w = tf.round(tf.sqrt(target * ratio))
    h = tf.round(tf.sqrt(target / ratio))
    fits = (w > 0) & (w <= full_w) & (h > 0) & (h <= full_h)
    top = tf.floor(draws[2] * (full_h - h + 1))
    left = tf.floor(draws[3] * (full_w - w + 1))
    boxes = tf.stack([top, left, h, w], axis=1)
    # The first True, or 0 if there is none.
    first = tf.argmax(tf.cast(fits, tf.int32))
    box = tf.where(
        tf.reduce_any(fits),
        boxes[first],
        centre_box(full_h, full_w, aspect),
    )
    return tf.cast(box, tf.int32)


def centre_box(
    full_h: Tensor, full_w: Tensor, aspect: tuple[float, float]
) -> Tensor:
    """The largest centre crop whose aspect is in range."""
    ratio = full_w / full_h
    w = tf.where(ratio > aspect[1], tf.round(full_h * aspect[1]), full_w)
    h = tf.where(ratio < aspect[0], tf.round(full_w / aspect[0]), full_h)
    top = tf.floor((full_h - h) / 2)
    left = tf.floor((full_w - w) / 2)
    return tf.stack([top, left, h, w])
