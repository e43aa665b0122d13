"""Point operations on a uint8 image: each value goes to another one.

To the value what Pillow's ImageOps give. They would be tables of 256 entries;
but TensorFlow needs 7 ns to look an entry up and a tenth of that to compute it,
so that only the histogram's equalisation looks anything up.
"""

from typing import Any

import tensorflow as tf

from kerastricks.data.policies.geometry import flat

Tensor = Any


def posterize(image: Tensor, bits: Tensor) -> Tensor:
    """Only the highest bits of each value, 0 to 8 of them."""
    low = tf.bitwise.left_shift(1, 8 - tf.cast(bits, tf.int32))
    return tf.bitwise.bitwise_and(image, tf.cast(256 - low, tf.uint8))


def solarize(image: Tensor, threshold: Tensor) -> Tensor:
    """Values from the threshold on are inverted."""
    whole = tf.cast(tf.math.ceil(threshold), tf.int32)
    # A threshold of 256 would not be a uint8; no value reaches it either.
    high = image >= tf.cast(tf.minimum(whole, 255), tf.uint8)
    flip = tf.where(whole > 255, 0, 255)
    mask = tf.cast(high, tf.uint8) * tf.cast(flip, tf.uint8)
    return tf.bitwise.bitwise_xor(image, mask)


def invert(image: Tensor) -> Tensor:
    """255 - x."""
    return tf.bitwise.invert(image)


def autocontrast(image: Tensor) -> Tensor:
    """Each channel stretched to 0..255, by Pillow's float64 arithmetic."""
    low, high = extremes(image)

    def stretched() -> Tensor:
        scale = 255 / (high - low)
        flat_channel = high <= low
        scale = tf.where(flat_channel, tf.ones_like(scale), scale)
        offset = tf.where(flat_channel, tf.zeros_like(scale), -low * scale)
        width = image.shape[1]
        values = tf.cast(flat(image), tf.float64)
        new = values * tf.tile(scale, [width]) + tf.tile(offset, [width])
        return tf.reshape(tf.cast(new, tf.uint8), image.shape)

    full = tf.reduce_all(low == 0) & tf.reduce_all(high == 255)
    return tf.cond(full, lambda: image, stretched)


def extremes(image: Tensor) -> tuple[Tensor, Tensor]:
    """float64 (lowest, highest) of each channel, [3]."""
    height, width, _ = image.shape
    rows = flat(image)
    low = high = rows
    while height % 2 == 0:  # halves on each other: faster than reducing all
        height //= 2
        low = tf.minimum(low[:height], low[height:])
        high = tf.maximum(high[:height], high[height:])
    low = tf.reduce_min(tf.reshape(low, [-1, 3]), axis=0)
    high = tf.reduce_max(tf.reshape(high, [-1, 3]), axis=0)
    return tf.cast(low, tf.float64), tf.cast(high, tf.float64)


def equalize(image: Tensor) -> Tensor:
    """Each channel's histogram made flat.

    value -> (step // 2 + pixels below it) // step, where step is a 255th of
    the pixels, those of the highest value left out.
    """
    height, width, _ = image.shape
    channel = tf.tile(tf.constant([0, 256, 512]), [width])
    places = tf.cast(flat(image), tf.int32) + channel
    counts = tf.raw_ops.DenseBincount(
        input=tf.reshape(places, [-1]),
        size=768,
        weights=tf.constant([], tf.int32),
        binary_output=False,
    )
    table = equalizing(tf.reshape(counts, [3, 256]), height * width)
    return tf.reshape(
        tf.gather_nd(tf.reshape(table, [-1]), places[..., None]), image.shape
    )


def equalizing(counts: Tensor, pixels: int) -> Tensor:
    """uint8 [3, 256] tables for the histograms [3, 256]."""
    values = tf.range(256)
    highest = tf.reduce_max(tf.where(counts > 0, values, 0), axis=1)
    last = tf.gather(counts, highest, batch_dims=1)
    step = (pixels - last)[:, None] // 255
    below = tf.cumsum(counts, axis=1, exclusive=True)
    table = (step // 2 + below) // tf.maximum(step, 1)
    table = tf.where(step == 0, values, tf.minimum(table, 255))
    return tf.cast(table, tf.uint8)
