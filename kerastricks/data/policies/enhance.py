"""Brightness, colour, contrast and sharpness, to the pixel as Pillow does them.

All are away from, or beyond, a picture without the property:

    out = plain + factor * (image - plain)     in float32, cut to 0..255

Plain is black, the grey image, its mean grey or the smoothed image.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data.policies.geometry import flat

Tensor = Any
# ITU-R 601-2 luma in 65536ths, as Pillow's convert("L") has it.
LUMA = (19595, 38470, 7471)


def brightness(image: Tensor, factor: Tensor) -> Tensor:
    """0: black; 1: the image."""
    return whole(tf.cast(image, tf.float32) * factor)


def color(image: Tensor, factor: Tensor) -> Tensor:
    """0: grey; 1: the image."""
    values = tf.cast(image, tf.float32)
    return blend(gray(values), values, factor)


def contrast(image: Tensor, factor: Tensor) -> Tensor:
    """0: the mean grey everywhere; 1: the image."""
    height, width, _ = image.shape
    values = tf.cast(image, tf.float32)
    total = tf.reduce_sum(tf.cast(gray(values, 1), tf.int32))
    mean = tf.floor(tf.cast(total, tf.float64) / (height * width) + 0.5)
    return blend(tf.cast(mean, tf.float32), values, factor)


def sharpness(image: Tensor, factor: Tensor) -> Tensor:
    """0: smoothed by [1 1 1; 1 5 1; 1 1 1] / 13; 1: the image. Borders stay."""
    height, width, _ = image.shape
    if min(height, width) < 3:
        return image
    rows = flat(image)
    values = tf.cast(rows, tf.float32)
    middle = values[1:-1, 3:-3]
    columns = tf.add_n([values[:-2], values[1:-1], values[2:]])
    box = tf.add_n([columns[:, :-6], columns[:, 3:-3], columns[:, 6:]])
    smooth = tf.floor((box + (4 * middle + 6.5)) * (1 / 13))
    inner = blend(smooth, middle, factor) - rows[1:-1, 3:-3]  # wraps around
    return tf.reshape(rows + tf.pad(inner, [[1, 1], [3, 3]]), image.shape)


def grayscale(image: Tensor) -> Tensor:
    """The grey image, three channels of it."""
    return tf.cast(gray(tf.cast(image, tf.float32)), tf.uint8)


def gray(values: Tensor, channels: int = 3) -> Tensor:
    """Pillow's grey of float32 [H, W, 3], in each of so many channels.

    (19595 R + 38470 G + 7471 B + 32768) >> 16; float32 holds these integers.
    """
    height, width, _ = values.shape
    # Several pixels to a row: matrices of three columns are slow.
    pixels = next(n for n in (4, 2, 1) if height * width % n == 0)
    luma = np.outer(LUMA, np.ones(channels)) / 65536
    grays = tf.matmul(
        tf.reshape(values, [-1, 3 * pixels]),
        tf.constant(np.kron(np.eye(pixels), luma), tf.float32),
    )
    return tf.reshape(tf.floor(grays + 0.5), [height, width, channels])


def blend(plain: Tensor, values: Tensor, factor: Tensor) -> Tensor:
    """uint8 of plain + factor * (values - plain)."""
    return whole(plain + factor * (values - plain))


def whole(values: Tensor) -> Tensor:
    """float32 -> uint8: cut to 0..255, the fraction cut off."""
    # tf.clip_by_value would go over the image twice.
    cut = tf.raw_ops.ClipByValue(
        t=values, clip_value_min=0.0, clip_value_max=255.0
    )
    return tf.cast(cut, tf.uint8)
