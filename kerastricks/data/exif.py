"""What a file's first bytes tell before it is decoded: its turn and its size.

Phones store photos as the sensor lies and note in the EXIF header how to turn
them (JEITA CP-3451, tag 0x0112). `turn` does what PIL.ImageOps.exif_transpose
does. All of it is graph operations, so that it runs in tf.data and in a
SavedModel; a file without an EXIF header costs one look at its first bytes.
"""

import functools
from typing import Any

import tensorflow as tf

Tensor = Any
# The header comes first, or right after the 18 bytes of a JFIF header.
LOOK = 40
HEADER = 65536 + LOOK  # an EXIF header has less than 64 KB
ORIENTATION, LONG = 0x0112, 4
MOST_ENTRIES = 256
# Makes a branch a call: every operation of an inlined branch costs something
# even when the branch is not taken, 17 us for `parse`.
aside = functools.partial(
    tf.function, experimental_attributes={"_noinline": True}
)


def orientation(data: Tensor) -> Tensor:
    """A JPEG's EXIF orientation: int32, 1 (upright) to 8."""
    start = tf.strings.substr(data, 0, LOOK)
    # \C is any byte; a dot would be any UTF-8 character.
    has_header = tf.strings.regex_full_match(start, r"\C*Exif\C*")
    return tf.cond(has_header, lambda: parse(data), lambda: tf.constant(1))


@aside(input_signature=[tf.TensorSpec([], tf.string)])
def parse(data: Tensor) -> Tensor:
    """The orientation noted in the EXIF header, 1 if there is none."""
    head = first_bytes(data, HEADER)
    after_jfif = 4 + number(head, 4, 2, True)
    place = tf.where(number(head, 2, 2, True) == 0xFFE0, after_jfif, 2)
    tiff = place + 10
    big = number(head, tiff, 2, True) == 0x4D4D  # "MM" for Motorola
    directory = tiff + number(head, tiff + 4, 4, big)
    count = tf.minimum(number(head, directory, 2, big), MOST_ENTRIES)
    entries = directory + 2 + 12 * tf.range(count)
    ours = tf.equal(number(head, entries, 2, big), ORIENTATION)
    # Of several the last counts, as for PIL; of none this is entry 0.
    entry = tf.reduce_max(tf.where(ours, entries, directory + 2))
    is_long = number(head, entry + 2, 2, big) == LONG
    value = number(head, entry + 8, tf.where(is_long, 4, 2), big)
    marked = (number(head, place, 2, True) == 0xFFE1) & (
        number(head, place + 4, 4, True) == int.from_bytes(b"Exif", "big")
    )
    valid = marked & tf.reduce_any(ours) & (value >= 1) & (value <= 8)
    return tf.where(valid, value, 1)


def upright_shape(height: Tensor, width: Tensor, turned: Tensor) -> Any:
    """Height and width once the image is turned."""
    swap = turned >= 5
    return tf.where(swap, width, height), tf.where(swap, height, width)


def stored_box(
    box: Tensor, height: Tensor, width: Tensor, turned: Tensor
) -> Tensor:
    """Where a box of the upright image [height, width] lies in the file's."""
    return tf.cond(
        turned > 1,
        lambda: turned_box(box, height, width, turned),
        lambda: box,
    )


@aside(reduce_retracing=True)
def turned_box(
    box: Tensor, height: Tensor, width: Tensor, turned: Tensor
) -> Tensor:
    """`stored_box` of an image that is not upright."""
    top, left, h, w = tf.unstack(box, num=4)
    left = tf.where(mirrored(turned), width - left - w, left)
    top = tf.where(upside_down(turned), height - top - h, top)
    return tf.where(
        turned >= 5, tf.stack([left, top, w, h]), tf.stack([top, left, h, w])
    )


def turn(image: Tensor, turned: Tensor) -> Tensor:
    """The pixels [H, W, 3] as they are to be seen."""
    return tf.cond(turned > 1, lambda: upright(image, turned), lambda: image)


@aside(reduce_retracing=True)
def upright(image: Tensor, turned: Tensor) -> Tensor:
    """Rows and columns change places, then each side with the other."""
    seen = tf.cond(
        turned >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image
    )
    step_y = tf.where(upside_down(turned), -1, 1)
    step_x = tf.where(mirrored(turned), -1, 1)
    return seen[::step_y, ::step_x]


def mirrored(turned: Tensor) -> Tensor:
    """Whether left and right change places, after rows and columns have."""
    return tf.bitwise.bitwise_and(turned, 2) > 0  # 2, 3, 6, 7


def upside_down(turned: Tensor) -> Tensor:
    """Whether top and bottom change places."""
    return tf.bitwise.bitwise_and(turned - 1, 2) > 0  # 3, 4, 7, 8


def stated_sides(head: Tensor) -> Tensor:
    """int32 [2]: height and width that a PNG, GIF, BMP or WebP states.

    Args:
        head: int32 [N], the first bytes. 0 by 0 for other formats.
    """

    def sides(width: int, height: int, length: int, big: bool = False) -> Any:
        return number(head, tf.constant([height, width]), length, big)

    def packed() -> Tensor:
        bits = number(head, 21, 4, False)
        return 1 + tf.bitwise.bitwise_and(
            tf.stack([tf.bitwise.right_shift(bits, 14), bits]), 0x3FFF
        )

    is_webp = head[0] == ord("R")
    return tf.case(
        [
            (head[0] == 0x89, lambda: sides(16, 20, 4, True)),
            (head[0] == ord("G"), lambda: sides(6, 8, 2)),
            (head[0] == ord("B"), lambda: tf.abs(sides(18, 22, 4))),
            (is_webp & (head[15] == ord("X")), lambda: 1 + sides(24, 27, 3)),
            (is_webp & (head[15] == ord("L")), packed),
            (is_webp, lambda: tf.bitwise.bitwise_and(sides(26, 28, 2), 0x3FFF)),
        ],
        default=lambda: tf.zeros([2], tf.int32),
    )


def decoded_sides(data: Tensor, head: Tensor) -> Tensor:
    """`stated_sides`, or a GIF's first frame's if these are larger.

    Args:
        head: the first 64 bytes of the data.
    """
    sides = stated_sides(head)
    return tf.cond(
        head[0] == ord("G"),
        lambda: tf.maximum(sides, frame_sides(data)),
        lambda: sides,
    )


@aside(input_signature=[tf.TensorSpec([], tf.string)])
def frame_sides(data: Tensor) -> Tensor:
    """int32 [2]: height and width of a GIF's first frame.

    It stands after a table of colours and any number of extensions, each a
    row of blocks that begin with their length and end with an empty one.
    """
    head = first_bytes(data, HEADER)

    def at(place: Tensor) -> Tensor:
        return number(head, place, 1, False)

    def more(place: Tensor, inside: Tensor) -> Tensor:
        return (place < tf.size(head)) & (inside | (at(place) == 0x21))

    def step(place: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        length = at(place)
        return (
            place + tf.where(inside, 1 + length, 2),
            ~inside | (length > 0),
        )

    flags = head[10]
    colours = tf.bitwise.left_shift(2, tf.bitwise.bitwise_and(flags, 7))
    table = tf.where(flags >= 128, 3 * colours, 0)
    place, _ = tf.while_loop(more, step, (13 + table, tf.constant(False)))
    # Where none is found the file is cut, or hides it behind 64 KB.
    hidden = tf.where(tf.strings.length(data) < HEADER, 0, 65535)
    return tf.where(
        at(place) == 0x2C,
        number(head, place + tf.constant([7, 5]), 2, False),
        hidden,
    )


def first_bytes(data: Tensor, count: int) -> Tensor:
    """int32 [count or fewer, but not under 64]; the end is padded with 0."""
    head = tf.strings.substr(data, 0, count)
    return tf.cast(tf.io.decode_raw(head + b"\0" * 64, tf.uint8), tf.int32)


def number(head: Tensor, place: Any, length: Any, big: Any) -> Tensor:
    """The whole numbers of so many bytes at these places; 0 outside."""
    step = tf.range(length)
    places = tf.expand_dims(place, -1) + step
    inside = (places >= 0) & (places < tf.size(head))
    values = tf.where(inside, tf.gather(head, tf.where(inside, places, 0)), 0)
    shifts = 8 * tf.where(big, length - 1 - step, step)
    return tf.reduce_sum(tf.bitwise.left_shift(values, shifts), axis=-1)
