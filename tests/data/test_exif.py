"""Orientation and size, as read from a file's first bytes."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import exif
from kerastricks.data.decode import decode, decode_and_crop

HEIGHT, WIDTH = 21, 34
RAMP = np.stack(
    np.broadcast_arrays(
        np.linspace(0, 250, HEIGHT)[:, None],
        np.linspace(0, 250, WIDTH)[None, :],
        np.float64(90),
    ),
    axis=-1,
).astype(np.uint8)
PLAIN = tf.io.encode_jpeg(RAMP, quality=95).numpy()
SOI, JFIF, REST = PLAIN[:2], PLAIN[2:20], PLAIN[20:]


def tiff(orientation, order="<", kind=3, offset=8, tag=0x0112, more=()):
    """A TIFF header with one directory; kind 3 is SHORT, 4 LONG."""
    value = struct.pack(order + {3: "H", 4: "I"}[kind], orientation)
    entries = [
        *more,
        struct.pack(order + "HHI", tag, kind, 1) + value.ljust(4, b"\0"),
    ]
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HI", 42, offset)
    count = struct.pack(order + "H", len(entries))
    return head.ljust(offset, b"\0") + count + b"".join(entries) + b"\0" * 4


def segment(content):
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def jpeg(content, jfif=b""):
    return SOI + jfif + segment(b"Exif\0\0" + content) + REST


def orientation(data):
    return int(exif.orientation(tf.constant(data)))


def transposed(data):
    image = pytest.importorskip("PIL.Image")
    ops = pytest.importorskip("PIL.ImageOps")
    return np.asarray(ops.exif_transpose(image.open(io.BytesIO(data))))


OTHERS = [struct.pack("<HHII", tag, 4, 1, 6) for tag in (0x0100, 0x010F)]
HEADERS = {
    "little endian": jpeg(tiff(6)),
    "big endian": jpeg(tiff(6, ">")),
    "as a long": jpeg(tiff(6, kind=4)),
    "as a big-endian long": jpeg(tiff(6, ">", kind=4)),
    "after a JFIF header": jpeg(tiff(6), JFIF),
    "after other entries": jpeg(tiff(6, more=OTHERS)),
    "far into the header": jpeg(tiff(6, offset=60_000)),
}
NONE = {
    "no header": PLAIN,
    "another tag": jpeg(tiff(6, tag=0x0113)),
    "value out of range": jpeg(tiff(9)),
    "zero": jpeg(tiff(0)),
    "directory beyond the end": jpeg(tiff(6)[:4] + b"\xff\xff\xff\x7f"),
    "negative directory": jpeg(tiff(6)[:4] + b"\xf0\xff\xff\xff"),
    "cut short": SOI + segment(b"Exif\0\0II"),
    "nothing after the word": SOI + b"\xff\xe1\0\x08Exif",
    "the word in a comment": SOI + b"\xff\xfe\0\x10Exif\0\0" + tiff(6) + REST,
    "no image": b"Exif",
    "empty": b"",
}


@pytest.mark.parametrize("name", HEADERS)
def test_orientation_is_found(name):
    assert orientation(HEADERS[name]) == 6


@pytest.mark.parametrize("name", NONE)
def test_without_one_an_image_is_upright(name):
    assert orientation(NONE[name]) == 1


@pytest.mark.parametrize("name", HEADERS)
def test_pillow_finds_the_same(name):
    image = pytest.importorskip("PIL.Image")
    assert image.open(io.BytesIO(HEADERS[name])).getexif()[0x0112] == 6


@pytest.mark.parametrize("turned", range(1, 9))
def test_turned_as_pillow_does(turned):
    data = jpeg(tiff(turned, ">" if turned % 2 else "<"))
    np.testing.assert_array_equal(decode(tf.constant(data)), transposed(data))
    ignored = decode(tf.constant(data), exif=False)
    np.testing.assert_array_equal(ignored, decode(tf.constant(PLAIN)))


def test_corners_of_a_phones_portrait():
    """6: the file's left column is the top row, its bottom on the left."""
    upright = decode(tf.constant(jpeg(tiff(6)))).numpy().astype(int)
    assert upright.shape == (WIDTH, HEIGHT, 3)
    # Red grew downwards and now grows to the left, green downwards.
    assert upright[0, 0, 0] > 240 > 10 > upright[0, -1, 0]
    assert upright[-1, 0, 1] > 240 > 10 > upright[0, 0, 1]


@pytest.mark.parametrize("turned", range(1, 9))
def test_box_is_one_of_the_upright_image(turned):
    data = tf.constant(jpeg(tiff(turned)))
    upright = decode(data).numpy()
    for box in ([0, 0, 7, 9], [4, 3, 10, 8], [11, 12, 10, 9]):
        got = decode_and_crop(data, lambda *_, box=box: tf.constant(box))
        top, left, h, w = box
        expected = upright[top : top + h, left : left + w]
        np.testing.assert_array_equal(got, expected)


def test_box_is_drawn_for_the_upright_sides():
    asked = []

    def draw_box(height, width):
        asked.append((int(height), int(width)))
        return tf.constant([0, 0, 1, 1])

    for turned in (1, 4, 5, 8):
        decode_and_crop(tf.constant(jpeg(tiff(turned))), draw_box)
    assert asked == [(HEIGHT, WIDTH)] * 2 + [(WIDTH, HEIGHT)] * 2


# Sides


def saved(kind, **options):
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    picture = image.fromarray(RAMP)
    if options.pop("alpha", False):
        picture.putalpha(100)
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "kind, options",
    [
        ("PNG", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("WEBP", {"quality": 80}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 80, "alpha": True}),
    ],
)
def test_sides_are_those_of_the_header(kind, options):
    head = exif.first_bytes(tf.constant(saved(kind, **options)), 64)
    assert exif.stated_sides(head).numpy().tolist() == [HEIGHT, WIDTH]


def test_large_sides_are_read_whole():
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 70_000, 123_456)
    head = exif.first_bytes(tf.constant(png), 64)
    assert exif.stated_sides(head).numpy().tolist() == [123_456, 70_000]


def test_unknown_formats_state_nothing():
    for data in (b"", b"text", b"\xff\xd8\xff"):
        head = exif.first_bytes(tf.constant(data), 64)
        assert exif.stated_sides(head).numpy().tolist() == [0, 0]


def gif_of_frame(height, width, extension=b""):
    """The start of a GIF: a screen of one pixel, a frame of these sides."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0)
    return screen + extension + frame


@pytest.mark.parametrize(
    "extension",
    [b"", b"\x21\xf9\x04\0\0\0\0\0", b"\x21\xfe\x02ab\x01c\0" * 40],
)
def test_gifs_frame_may_be_larger_than_its_screen(extension):
    data = tf.constant(gif_of_frame(700, 600, extension))
    head = exif.first_bytes(data, 64)
    assert exif.stated_sides(head).numpy().tolist() == [1, 1]
    assert exif.decoded_sides(data, head).numpy().tolist() == [700, 600]


def test_frame_that_is_not_found():
    """In a cut file it does not matter, behind 64 KB it is refused."""
    cut = tf.constant(gif_of_frame(7, 6)[:15])
    assert exif.frame_sides(cut).numpy().tolist() == [0, 0]
    comments = b"\x21\xfe" + (b"\xff" + bytes(255)) * 300 + b"\0"
    hidden = tf.constant(gif_of_frame(7, 6, comments))
    assert exif.frame_sides(hidden).numpy().tolist() == [65535, 65535]
