"""From a file's bytes to uint8 pixels; training and serving share it.

Pixels are those of PIL's `convert("RGB")`: transparency is dropped, 16 bits
lose the lower 8. JPEGs are decoded with the accurate integer DCT, as PIL and
torchvision do. docs/decoding.md has the costs and the differences.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerastricks.data import exif as header
from kerastricks.data.resize import resize, window

Tensor = Any
DrawBox = Callable[[Tensor, Tensor], Tensor]
DCT = "INTEGER_ACCURATE"
DECODER_VERSION = 3  # goes up when a file gives other pixels
MAX_PIXELS = 178_956_970  # where PIL refuses a "decompression bomb"
# Columns that a JPEG's crop needs on either side: chroma of half the width is
# interpolated from its neighbours, and libjpeg takes a crop's edge for the
# image's. (Rows it gets right.)
CHROMA_REACH = 2
SCALES = (8, 4, 2)  # that libjpeg can decode at
# Decoded at 1/r, a crop must still be this much larger than its target: PIL's
# `reducing_gap`, at which its manual finds no difference to the eye.
GAP = 2.0
# A share of the image below which a fused crop, which is done at its last row,
# costs no more than all of the image at 1/2 (see docs/decoding.md).
MOST = 0.5


def decode(
    data: Tensor, exif: bool = True, max_pixels: int = MAX_PIXELS
) -> Tensor:
    """Bytes of a JPEG, PNG, GIF, BMP or WebP -> uint8 [H, W, 3].

    Args:
        exif: whether a JPEG is turned as its EXIF orientation says.
        max_pixels: larger images are an error, before they are decoded; 0
            for no limit.
    """

    def jpeg() -> Tensor:
        small = data
        if max_pixels:
            shape = tf.io.extract_jpeg_shape(data)
            small = allowed(data, shape[0], shape[1], max_pixels)
        image = tf.io.decode_jpeg(small, channels=3, dct_method=DCT)
        return header.turn(image, header.orientation(data)) if exif else image

    image = tf.cond(
        tf.io.is_jpeg(data), jpeg, lambda: decode_other(data, max_pixels)
    )
    return tf.ensure_shape(image, [None, None, 3])


def decode_other(data: Tensor, max_pixels: int = MAX_PIXELS) -> Tensor:
    """`decode` of what is no JPEG; of a GIF the first frame."""
    head = header.first_bytes(data, 64)
    if max_pixels:
        sides = header.decoded_sides(data, head)
        data = allowed(data, sides[0], sides[1], max_pixels)
    image = tf.case(
        [
            (has_palette(head), lambda: decode_palette(data, head)),
            (
                has_alpha(head),
                lambda: tf.io.decode_webp(data, channels=4)[0, :, :, :3],
            ),
        ],
        default=lambda: tf.io.decode_image(
            data, channels=3, expand_animations=False
        ),
    )
    return tf.ensure_shape(image, [None, None, 3])


def has_palette(head: Tensor) -> Tensor:
    """Whether this is a BMP of 8 bits, which TensorFlow takes for grey."""
    depth = header.number(head, 28, 2, False)
    return (head[0] == ord("B")) & (head[1] == ord("M")) & (depth == 8)


def decode_palette(data: Tensor, head: Tensor) -> Tensor:
    """A BMP of 8 bits: its palette's colours, stored as B, G, R, 0."""
    start = 14 + header.number(head, 14, 4, False)
    count = header.number(head, 10, 4, False) - start
    palette = tf.io.decode_raw(tf.strings.substr(data, start, count), tf.uint8)
    colours = tf.reshape(palette, [-1, 4])[:, 2::-1]
    grey = tf.io.decode_image(data, channels=3, expand_animations=False)
    index = tf.ensure_shape(grey, [None, None, 3])[:, :, 0]
    return tf.gather(colours, tf.cast(index, tf.int32))


def has_alpha(head: Tensor) -> Tensor:
    """Whether this is a still WebP with transparency.

    Animated ones must not come to DecodeWebP with four channels or none named:
    TensorFlow 2.21 writes beyond its memory there. With three it refuses them.
    """
    flags = tf.where(head[15] == ord("X"), head[20], 0)
    extended = tf.bitwise.bitwise_and(flags, 0x12) == 0x10
    lossless = tf.bitwise.bitwise_and(head[24], 0x10) == 0x10
    alpha = tf.where(head[15] == ord("L"), lossless, extended)
    return (head[0] == ord("R")) & (head[8] == ord("W")) & alpha


def allowed(
    data: Tensor, height: Tensor, width: Tensor, max_pixels: int
) -> Tensor:
    """The data, once its sides are found to be allowed."""
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    rule = f"an image must not have more than max_pixels={max_pixels} pixels."
    check = tf.debugging.Assert(
        pixels <= max_pixels, [rule, "Received: sides", height, width]
    )
    with tf.control_dependencies([check]):
        return tf.identity(data)


def decode_and_crop(
    data: Tensor,
    draw_box: DrawBox,
    exif: bool = True,
    max_pixels: int = MAX_PIXELS,
) -> Tensor:
    """`crop` of `decode`, bit for bit; most pixels outside are never computed.

    Args:
        draw_box: (height, width) -> int32 [top, left, height, width].
    """
    return tf.cond(
        tf.io.is_jpeg(data),
        lambda: crop_jpeg(data, *place_box(data, draw_box, exif, max_pixels)),
        lambda: crop(decode_other(data, max_pixels), draw_box),
    )


def place_box(
    data: Tensor, draw_box: DrawBox, exif: bool, max_pixels: int
) -> tuple[Tensor, Tensor, Tensor]:
    """(shape, box in the file's pixels, orientation) of a JPEG's crop."""
    shape = tf.io.extract_jpeg_shape(data)
    height, width = shape[0], shape[1]
    if max_pixels:
        height = allowed(height, height, width, max_pixels)
    if not exif:
        return shape, draw_box(height, width), tf.constant(1)
    turned = header.orientation(data)
    height, width = header.upright_shape(height, width, turned)
    box = draw_box(height, width)
    return shape, header.stored_box(box, height, width, turned), turned


def crop_jpeg(
    data: Tensor, shape: Tensor, box: Tensor, turned: Tensor
) -> Tensor:
    """The box of a JPEG, turned."""
    top, left, height, width = tf.unstack(box, num=4)
    begin = tf.maximum(left - CHROMA_REACH, 0)
    end = tf.minimum(left + width + CHROMA_REACH, shape[1])
    image = tf.io.decode_and_crop_jpeg(
        data, [top, begin, height, end - begin], channels=3, dct_method=DCT
    )
    part = tf.slice(image, [0, left - begin, 0], [height, width, 3])
    return header.turn(part, turned)


def crop(image: Tensor, draw_box: DrawBox) -> Tensor:
    """The part of pixels that the box names."""
    shape = tf.shape(image)
    box = draw_box(shape[0], shape[1])
    return tf.slice(image, [box[0], box[1], 0], [box[2], box[3], 3])


def decode_crop_resize(
    data: Tensor,
    draw_box: DrawBox,
    size: int,
    interpolation: Tensor | str = "bilinear",
    exif: bool = True,
    max_pixels: int = MAX_PIXELS,
    scaled: bool = False,
) -> Tensor:
    """`resize` of `decode_and_crop`: uint8 [size, size, 3].

    Args:
        scaled: whether a JPEG whose crop is much larger than the square may be
            decoded at 1/2, 1/4 or 1/8.
    """

    def shrink(image: Tensor) -> Tensor:
        return resize(image, size, size, interpolation)

    def jpeg() -> Tensor:
        shape, box, turned = place_box(data, draw_box, exif, max_pixels)
        least = tf.cast(GAP * size * SCALES[-1], tf.int32)
        area = tf.cast(box[2:], tf.float32) / tf.cast(shape[:2], tf.float32)
        return tf.cond(
            (tf.minimum(box[2], box[3]) >= least) & (area[0] * area[1] >= MOST),
            lambda: scaled_square(data, box, turned, size, interpolation),
            lambda: shrink(crop_jpeg(data, shape, box, turned)),
        )

    if not scaled:
        return shrink(decode_and_crop(data, draw_box, exif, max_pixels))
    return tf.cond(
        tf.io.is_jpeg(data),
        jpeg,
        lambda: shrink(crop(decode_other(data, max_pixels), draw_box)),
    )


@header.aside()
def scaled_square(
    data: Tensor,
    box: Tensor,
    turned: Tensor,
    size: int,
    interpolation: Tensor | str,
) -> Tensor:
    """The box of a JPEG, decoded at a scale that leaves enough; turned."""
    short = tf.cast(tf.minimum(box[2], box[3]), tf.float32)

    def at(scale: int) -> Callable[[], Tensor]:
        def cut() -> Tensor:
            image = tf.io.decode_jpeg(
                data, channels=3, ratio=scale, dct_method=DCT
            )
            first = box[:2] // scale
            last = -(-(box[:2] + box[2:]) // scale)
            part = image[first[0] : last[0], first[1] : last[1]]
            zoom = size * scale / box[2:]
            shift = size * (first * scale - box[:2]) / box[2:]
            return window(part, zoom, shift, size, size, interpolation)

        return cut

    square = tf.case(
        [(short >= GAP * size * scale, at(scale)) for scale in SCALES[:-1]],
        default=at(SCALES[-1]),
    )
    return header.turn(square, turned)
