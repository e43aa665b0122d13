"""Shear, translate and rotate a uint8 image, to the pixel as Pillow does it.

Nearest neighbour. Pillow walks over the picture in 16.16 fixed point: with the
inverse matrix [a b c; d e f] in whole 65536ths, the output's (x, y) comes from

    ((x a + y b + c) >> 16, (x d + y e + f) >> 16)

where c and f hold the half pixel of the centre. The same integers here give
the same pixels. What comes from outside the picture is `fill`.
"""

import math
from typing import Any

import tensorflow as tf

Tensor = Any
ONE = 65536  # of the fixed point


def shear_x(image: Tensor, amount: Tensor, fill: int = 0) -> Tensor:
    """Row y comes from x + amount * y."""
    height, width, _ = image.shape
    step, start = sheared(amount)
    y, x = tf.range(height), tf.range(width)
    # Room for the longest shift, so that no row runs into its neighbour.
    shift = tf.clip_by_value(whole(y * step + start), -width, width)
    row = y * (3 * width) + (width + shift)
    return pick(padded(image, width, fill), row[:, None] + x, image, fill)


def shear_y(image: Tensor, amount: Tensor, fill: int = 0) -> Tensor:
    """Column x comes from y + amount * x."""
    height, width, _ = image.shape
    step, start = sheared(amount)
    y, x = tf.range(height), tf.range(width)
    column = whole(x * step + start) * width + x
    return pick(
        padded(image, 0, fill), (y * width)[:, None] + column, image, fill
    )


def sheared(amount: Tensor) -> tuple[Tensor, Tensor]:
    """Fixed-point (step, start) of a shear about the corner."""
    amount = tf.cast(amount, tf.float64)
    return fixed(amount), fixed(0.5 + 0.5 * amount)


def rotate(image: Tensor, degrees: Tensor, fill: int = 0) -> Tensor:
    """Counter-clockwise about the centre."""
    height, width, _ = image.shape
    angle = tf.cast(degrees, tf.float64) * (math.pi / 180)
    cos, sin = rounded(tf.cos(angle)), rounded(tf.sin(angle))
    mid_x, mid_y = width / 2, height / 2
    start_x = fixed(mid_x + cos * (0.5 - mid_x) - sin * (0.5 - mid_y))
    start_y = fixed(mid_y + sin * (0.5 - mid_x) + cos * (0.5 - mid_y))
    cos, sin = fixed(cos), fixed(sin)
    # Columns from outside fall into the room on both sides; rows from outside
    # are no place at all. Nothing is farther from the centre than a corner.
    room = height // 2 + 1
    wide = width + 2 * room
    y, x = tf.range(height)[:, None], tf.range(width)
    column = whole(x * cos + (start_x + room * ONE - y * sin))
    row = whole(x * sin + (start_y + y * cos))
    return pick(padded(image, room, fill), row * wide + column, image, fill)


def translate_x(image: Tensor, pixels: Tensor, fill: int = 0) -> Tensor:
    """To the right by whole pixels; a fraction is cut off."""
    width = image.shape[1]
    right = tf.clip_by_value(tf.cast(pixels, tf.int32), -width, width)
    before, after = 3 * tf.maximum(right, 0), 3 * tf.maximum(-right, 0)
    part = flat(image)[:, after : 3 * width - before]
    moved = tf.pad(part, [[0, 0], [before, after]], constant_values=fill)
    return tf.reshape(moved, image.shape)


def translate_y(image: Tensor, pixels: Tensor, fill: int = 0) -> Tensor:
    """Down by whole pixels; a fraction is cut off."""
    height = image.shape[0]
    down = tf.clip_by_value(tf.cast(pixels, tf.int32), -height, height)
    before, after = tf.maximum(down, 0), tf.maximum(-down, 0)
    part = flat(image)[after : height - before]
    moved = tf.pad(part, [[before, after], [0, 0]], constant_values=fill)
    return tf.reshape(moved, image.shape)


def padded(image: Tensor, room: int, fill: int) -> Tensor:
    """Pixels [H * (W + 2 room), 3] less `fill`; zeros where there are none."""
    rows = flat(image)
    if fill:
        rows -= fill  # wraps around, and back when `pick` adds it
    if room:
        rows = tf.pad(rows, [[0, 0], [3 * room, 3 * room]])
    return tf.reshape(rows, [-1, 3])


def pick(pixels: Tensor, places: Tensor, image: Tensor, fill: int) -> Tensor:
    """Pixels [N, 3] at places [H, W]; `fill` where there is no such place."""
    # gather_nd, because tf.gather takes twice as long for each index.
    found = tf.gather_nd(pixels, places[..., None], bad_indices_policy="IGNORE")
    found = tf.ensure_shape(found, image.shape)
    return found + fill if fill else found


def flat(image: Tensor) -> Tensor:
    """[H, W, 3] -> [H, W * 3]."""
    height, width, _ = image.shape
    return tf.reshape(image, [height, 3 * width])


def fixed(number: Tensor) -> Tensor:
    """float64 -> 16.16."""
    return tf.cast(tf.floor(number * ONE + 0.5), tf.int32)


def whole(number: Tensor) -> Tensor:
    """16.16 -> the whole number below."""
    return tf.bitwise.right_shift(number, 16)


def rounded(number: Tensor) -> Tensor:
    """To 15 decimals, as Pillow does, so that a right angle is one."""
    return tf.round(number * 1e15) / 1e15
