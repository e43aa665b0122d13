"""From a file's bytes to a uint8 square; training and serving share it.

JPEGs are decoded with the accurate integer DCT, as PIL and torchvision do:
TensorFlow's default trades accuracy for a little speed.
"""

from typing import Any

import tensorflow as tf

Tensor = Any
DCT = "INTEGER_ACCURATE"
DECODER_VERSION = 1  # goes up when `decode` gives other pixels for a file
# Columns that a JPEG's crop needs on either side: chroma of half the width is
# interpolated from its neighbours, and libjpeg takes a crop's edge for the
# image's. (Rows it gets right.)
CHROMA_REACH = 2


def decode(data: Tensor) -> Tensor:
    """Bytes of a JPEG, PNG, GIF (first frame) or BMP -> uint8 [H, W, 3]."""
    image = tf.cond(
        tf.io.is_jpeg(data),
        lambda: tf.io.decode_jpeg(data, channels=3, dct_method=DCT),
        lambda: tf.io.decode_image(data, channels=3, expand_animations=False),
    )
    return tf.ensure_shape(image, [None, None, 3])


def decode_and_crop(data: Tensor, draw_box: Any) -> Tensor:
    """`crop` of `decode`, bit for bit; most pixels outside are never computed.

    Args:
        draw_box: (height, width) -> int32 [top, left, height, width].
    """

    def fused() -> Tensor:
        shape = tf.io.extract_jpeg_shape(data)
        top, left, height, width = tf.unstack(draw_box(shape[0], shape[1]))
        begin = tf.maximum(left - CHROMA_REACH, 0)
        end = tf.minimum(left + width + CHROMA_REACH, shape[1])
        image = tf.io.decode_and_crop_jpeg(
            data, [top, begin, height, end - begin], channels=3, dct_method=DCT
        )
        return tf.slice(image, [0, left - begin, 0], [height, width, 3])

    def in_turn() -> Tensor:
        image = tf.io.decode_image(data, channels=3, expand_animations=False)
        return crop(tf.ensure_shape(image, [None, None, 3]), draw_box)

    return tf.cond(tf.io.is_jpeg(data), fused, in_turn)


def crop(image: Tensor, draw_box: Any) -> Tensor:
    """The part of pixels that the box names."""
    shape = tf.shape(image)
    box = draw_box(shape[0], shape[1])
    return tf.slice(image, [box[0], box[1], 0], [box[2], box[3], 3])


def resize(images: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """uint8 [..., H, W, 3] -> uint8, bilinear, antialiased as PIL does."""

    def resized() -> Tensor:
        new = tf.image.resize(images, [height, width], antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(new), 0, 255), tf.uint8)

    # To the same size it is the identity, and an expensive one.
    shape = tf.shape(images)
    same = (shape[-3] == height) & (shape[-2] == width)
    return tf.cond(same, lambda: images, resized)


def eval_square(images: Tensor, size: int, keep: float) -> Tensor:
    """Short side to size / keep, then the centre square of that size.

    torchvision's Resize + CenterCrop: the long side is cut to a whole number,
    the crop's corner rounded half to even.

    Args:
        images: uint8 [H, W, 3] or [N, H, W, 3].
    """
    shape = tf.shape(images)
    height, width = shape[-3], shape[-2]
    short = tf.minimum(height, width)
    target = round(size / keep)
    new_height = height * target // short
    new_width = width * target // short
    resized = resize(images, new_height, new_width)
    top = half(new_height - size)
    left = half(new_width - size)
    square = resized[..., top : top + size, left : left + size, :]
    return tf.ensure_shape(square, [*square.shape[:-3], size, size, 3])


def half(number: Tensor) -> Tensor:
    """Half of a whole number, rounded half to even."""
    return tf.cast(tf.round(tf.cast(number, tf.float32) / 2), tf.int32)
