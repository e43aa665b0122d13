"""Antialiased resizing of uint8 images, with PIL's two filters.

Training and serving share it; docs/decoding.md has the costs and differences.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Tensor = Any
# TensorFlow's names of PIL's two filters.
KERNELS = {"bilinear": "triangle", "bicubic": "keyscubic"}


def resize(
    images: Tensor,
    height: Tensor,
    width: Tensor,
    interpolation: Tensor | str = "bilinear",
) -> Tensor:
    """uint8 [..., H, W, 3] -> uint8, antialiased as PIL does.

    Args:
        interpolation: `bilinear` or `bicubic`, or a boolean tensor that says
            whether it is to be bicubic.
    """
    if not isinstance(interpolation, str):
        return either(interpolation, resize, images, height, width)
    shape = tf.shape(images)
    zoom = tf.stack([height, width]) / shape[-3:-1]
    shift = tf.zeros([2], tf.float64)
    # To the same size it is the identity, and an expensive one.
    cases = [((shape[-3] == height) & (shape[-2] == width), lambda: images)]
    if interpolation == "bilinear":
        larger = (shape[-3] <= height) & (shape[-2] <= width)
        cases.append((larger, lambda: enlarge(images, height, width)))
    return tf.case(
        cases,
        default=lambda: window(
            images, zoom, shift, height, width, interpolation
        ),
    )


def enlarge(images: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Bilinear `resize` where neither side shrinks: no need to antialias.

    What `window` gives, in a fifth of its time at 64 pixels and two thirds at
    224. (TensorFlow's bicubic one rounds its weights.)
    """
    shape = tf.shape(images)
    levels = tf.raw_ops.ResizeBilinear(
        images=tf.reshape(images, tf.concat([[-1], shape[-3:]], axis=0)),
        size=tf.stack([height, width]),
        half_pixel_centers=True,
    )
    new = tf.concat([shape[:-3], [height, width, 3]], axis=0)
    return tf.reshape(rounded(levels, "bilinear"), new)


def window(
    images: Tensor,
    zoom: Tensor,
    shift: Tensor,
    height: Tensor,
    width: Tensor,
    interpolation: Tensor | str,
) -> Tensor:
    """A part of the images zoomed: pixel p of theirs comes to p * zoom + shift.

    One pass along the columns and one along the rows, turned so that both run
    over long stretches of memory: ScaleAndTranslate is twice as slow when it
    takes pixels three numbers at a time.

    Args:
        images: uint8 [..., H, W, 3].
        zoom, shift: [2], of rows and columns.
    """
    if not isinstance(interpolation, str):
        return either(interpolation, window, images, zoom, shift, height, width)
    shape = tf.shape(images)
    zoom, shift = tf.cast(zoom, tf.float32), tf.cast(shift, tf.float32)

    def lengthwise(rows: Tensor, axis: int, length: Tensor) -> Tensor:
        """[N, in, C] -> [N, length, C]."""
        return tf.raw_ops.ScaleAndTranslate(
            images=rows[:, :, tf.newaxis],
            size=tf.stack([length, 1]),
            scale=tf.stack([zoom[axis], 1.0]),
            translation=tf.stack([shift[axis], 0.0]),
            kernel_type=KERNELS[interpolation],
            antialias=True,
        )[:, :, 0]

    flat = tf.reshape(images, [-1, shape[-3], shape[-2] * 3])
    columns = tf.transpose(lengthwise(flat, 0, height), [0, 2, 1])
    columns = tf.reshape(columns, [-1, shape[-2], 3 * height])
    rows = tf.reshape(lengthwise(columns, 1, width), [-1, 3 * width, height])
    levels = tf.transpose(rows, [0, 2, 1])
    new = tf.concat([shape[:-3], [height, width, 3]], axis=0)
    return tf.reshape(rounded(levels, interpolation), new)


def either(bicubic: Tensor, make: Callable[..., Tensor], *args: Any) -> Tensor:
    """What is made with the one filter or with the other."""
    return tf.cond(
        bicubic,
        lambda: make(*args, "bicubic"),
        lambda: make(*args, "bilinear"),
    )


def rounded(levels: Tensor, interpolation: str) -> Tensor:
    """uint8 of levels, which bicubic swings beyond 0..255."""
    levels += 0.5  # the cast cuts
    if interpolation == "bicubic":
        levels = tf.clip_by_value(levels, 0.0, 255.0)
    return tf.cast(levels, tf.uint8)


def eval_square(
    images: Tensor,
    size: int,
    keep: float,
    interpolation: str = "bilinear",
) -> Tensor:
    """Short side to size / keep, then the centre square of that size.

    torchvision's Resize + CenterCrop: the long side is cut to a whole number,
    the crop's corner rounded half to even. Pixels that the crop would drop are
    not computed.

    Args:
        images: uint8 [H, W, 3] or [N, H, W, 3].
    """
    return square_of_resized(
        images,
        size,
        round(size / keep),
        lambda height, width: (half(height - size), half(width - size)),
        interpolation,
    )


def resize_short(
    image: Tensor, target: int, interpolation: Tensor | str = "bilinear"
) -> Tensor:
    """`resize` of the short side to target, the long one in proportion."""
    shape = tf.shape(image)
    height, width = shape[-3], shape[-2]
    short = tf.minimum(height, width)
    return resize(
        image,
        height * target // short,
        width * target // short,
        interpolation,
    )


def square_of_resized(
    images: Tensor,
    size: int,
    target: int,
    corner: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    interpolation: Tensor | str = "bilinear",
) -> Tensor:
    """Short side to target, then a square of that size.

    Args:
        corner: (height, width) after resizing -> (top, left).
    """
    images = tf.convert_to_tensor(images)
    shape = tf.shape(images)
    height, width = shape[-3], shape[-2]
    short = tf.minimum(height, width)
    new_height = height * target // short
    new_width = width * target // short
    top, left = corner(new_height, new_width)
    zoom = tf.stack([new_height / height, new_width / width])
    shift = -tf.stack([top, left])
    square = tf.cond(
        short == target,
        lambda: images[..., top : top + size, left : left + size, :],
        lambda: window(images, zoom, shift, size, size, interpolation),
    )
    return tf.ensure_shape(square, [*images.shape[:-3], size, size, 3])


def half(number: Tensor) -> Tensor:
    """Half of a whole number, rounded half to even."""
    return tf.cast(tf.round(tf.cast(number, tf.float32) / 2), tf.int32)
