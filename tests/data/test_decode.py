"""From a file's bytes to a square, checked pixel by pixel."""

import io
import re
import struct

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import decode
from kerastricks.data.resize import resize


def picture(height, width, seed=0):
    """Waves of colour with noise: chroma that changes at every pixel."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([x / 3.0, y / 4.0 + x / 7.0, (x + y) / 5.0], axis=-1)
    noise = np.random.RandomState(seed).uniform(-25, 25, waves.shape)
    return np.clip(127 + 100 * np.sin(waves) + noise, 0, 255).astype(np.uint8)


def jpeg(image, down=True, **options):
    data = tf.io.encode_jpeg(
        image, quality=90, chroma_downsampling=down, **options
    )
    return data.numpy()


def bmp(image):
    """A 24-bit BMP by hand; the side must be a multiple of 4."""
    height, width = image.shape[:2]
    rows = image[::-1, :, ::-1].tobytes()
    header = [40, width, height, 1 | 24 << 16, 0, len(rows), 0, 0, 0, 0]
    lead = np.array([54 + len(rows), 0, 54, *header], "<u4").tobytes()
    return b"BM" + lead + rows


def gif(frames):
    """As Pillow writes it; the palette holds every colour of the frames."""
    image = pytest.importorskip("PIL.Image")
    first, *others = map(image.fromarray, frames)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others)
    return file.getvalue()


def decoded(data):
    return decode.decode(tf.constant(data)).numpy()


def saved(pixels, kind, mode=None, **options):
    """As Pillow writes it."""
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    picture = image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(file, kind, **options)
    return file.getvalue()


def as_pillow(data):
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(data)).convert("RGB"))


# Formats


def test_png_is_exact():
    image = picture(7, 5)
    got = decoded(tf.io.encode_png(image).numpy())
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, image)


def test_transparent_png_keeps_its_colours():
    image = picture(6, 5)
    alpha = np.full((6, 5, 1), 77, np.uint8)
    data = tf.io.encode_png(np.concatenate([image, alpha], axis=-1))
    np.testing.assert_array_equal(decoded(data.numpy()), image)


def test_bmp_is_exact():
    image = picture(5, 8)
    np.testing.assert_array_equal(decoded(bmp(image)), image)


def test_gif_gives_its_first_frame():
    frames = [np.full((4, 6, 3), grey, np.uint8) for grey in (10, 200)]
    np.testing.assert_array_equal(decoded(gif(frames)), frames[0])


SMALL = picture(12, 20)
CLEAR = np.concatenate([SMALL, SMALL[::-1, :, :1]], axis=-1)
SAME = {
    "palette": ("PNG", SMALL, dict(mode="P")),
    "palette, one colour clear": ("PNG", SMALL, dict(mode="P", transparency=3)),
    "black and white": ("PNG", SMALL, dict(mode="1")),
    "grey with alpha": ("PNG", CLEAR, dict(mode="LA")),
    "with alpha": ("PNG", CLEAR, {}),
    "bmp, palette": ("BMP", SMALL, dict(mode="P")),
    "bmp, grey": ("BMP", SMALL, dict(mode="L")),
    "bmp, with alpha": ("BMP", CLEAR, {}),
    "gif": ("GIF", SMALL, {}),
    "webp": ("WEBP", SMALL, dict(quality=80)),
    "webp, lossless": ("WEBP", SMALL, dict(lossless=True)),
    "webp with alpha": ("WEBP", CLEAR, dict(quality=80)),
    "webp with alpha, lossless": ("WEBP", CLEAR, dict(lossless=True)),
}


@pytest.mark.parametrize("name", SAME)
def test_decoded_as_pillow_does(name):
    kind, pixels, options = SAME[name]
    data = saved(pixels, kind, **options)
    np.testing.assert_array_equal(decoded(data), as_pillow(data))


@pytest.mark.parametrize("transform", [0, 2])
def test_print_colours_are_pillows_to_a_grey_level(transform):
    """CMYK, and YCCK, which is how Adobe's transform 2 reads it."""
    four = np.concatenate([picture(40, 48), picture(40, 48, 1)[..., :1]], -1)
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(four, "CMYK").save(file, "JPEG", quality=90)
    data = bytearray(file.getvalue())
    data[data.index(b"Adobe") + 11] = transform
    difference = decoded(bytes(data)).astype(int) - as_pillow(bytes(data))
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_lose_the_lower_eight(channels):
    deep = np.random.RandomState(0).randint(0, 65536, (9, 7, channels))
    data = tf.io.encode_png(deep.astype(np.uint16)).numpy()
    expected = np.broadcast_to(deep >> 8, (9, 7, 3))
    np.testing.assert_array_equal(decoded(data), expected)


@pytest.mark.parametrize("alpha", [False, True])
def test_moving_webp_is_an_error(alpha):
    """Where TensorFlow's own decoder writes beyond its memory."""
    image = pytest.importorskip("PIL.Image")
    frames = [image.fromarray(CLEAR if alpha else SMALL)]
    frames.append(frames[0].rotate(180))
    file = io.BytesIO()
    options = dict(save_all=True, append_images=frames[1:], lossless=True)
    frames[0].save(file, "WEBP", **options)
    with pytest.raises(tf.errors.InvalidArgumentError):
        decoded(file.getvalue())


# Limits


def png_head(height, width):
    """Enough of a PNG to state its sides."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


@pytest.mark.parametrize(
    "encode, compiled",
    [(jpeg, False), (jpeg, True), (lambda x: tf.io.encode_png(x), False)],
)
def test_images_of_more_pixels_are_refused(encode, compiled):
    data = tf.constant(encode(picture(20, 30)))
    read = tf.function(decode.decode) if compiled else decode.decode
    assert read(data, max_pixels=600).shape == (20, 30, 3)
    assert decode.decode(data, max_pixels=0).shape == (20, 30, 3)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        read(data, max_pixels=599)
    assert "not have more than max_pixels=599" in str(caught.value)
    assert re.search(r"Received: sides\W+20\W+30\b", str(caught.value))


def test_crops_of_such_images_are_refused():
    for data in (jpeg(picture(20, 30)), tf.io.encode_png(picture(20, 30))):
        with pytest.raises(tf.errors.InvalidArgumentError, match="max_pixels"):
            decode.decode_and_crop(
                tf.constant(data), lambda *_: tf.constant([0, 0, 2, 2]), True, 9
            )


def test_sides_beyond_32_bits_are_refused():
    """2^16 * 2^16 pixels are 0 in 32 bits."""
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_pixels"):
        decoded(png_head(2**16, 2**16))


@pytest.mark.parametrize("encode", [jpeg, lambda x: tf.io.encode_png(x)])
def test_grey_becomes_three_equal_channels(encode):
    grey = np.arange(0, 240, 5, np.uint8).reshape(6, 8, 1)
    got = decoded(encode(grey))
    assert got.shape == (6, 8, 3)
    assert (got == got[..., :1]).all()
    assert np.abs(got[..., :1].astype(int) - grey).max() <= 3


@pytest.mark.parametrize("down", [True, False])
def test_jpeg_is_decoded_as_pillow_does(down):
    image = pytest.importorskip("PIL.Image")
    data = jpeg(picture(61, 75), down)
    expected = np.asarray(image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decoded(data), expected)


def test_garbage_is_an_error_of_tensorflow():
    for data in (b"", b"not an image", jpeg(picture(40, 40))[:200]):
        with pytest.raises(tf.errors.InvalidArgumentError):
            decoded(data)


# Crops


ENCODINGS = {
    "colour of half the size": jpeg,
    "full colour": lambda image: jpeg(image, down=False),
    "progressive": lambda image: jpeg(image, progressive=True),
    "grey": lambda image: jpeg(image[..., :1]),
    "png": lambda image: tf.io.encode_png(image).numpy(),
}


@pytest.mark.parametrize(
    "name, height, width",
    [
        *((name, 47, 53) for name in ENCODINGS),
        ("colour of half the size", 32, 48),
    ],
)
def test_crop_equals_crop_of_the_whole_bit_for_bit(name, height, width):
    """At all offsets within and at the edges of JPEG's 16-pixel blocks."""
    data = ENCODINGS[name](picture(height, width))
    whole = decoded(data)
    boxes = [
        (top, left, h, w)
        for h, w in ((1, 1), (7, 9), (16, 16), (height, 5), (5, width))
        for top in range(0, height - h + 1, 5)
        for left in range(top % 2, width - w + 1, 3)
    ]
    crops = tf.data.Dataset.from_tensor_slices(boxes).map(
        lambda box: decode.decode_and_crop(tf.constant(data), lambda *_: box)
    )
    for box, crop in zip(boxes, crops.as_numpy_iterator(), strict=True):
        top, left, h, w = box
        expected = whole[top : top + h, left : left + w]
        np.testing.assert_array_equal(crop, expected, err_msg=str(box))


def test_box_is_asked_for_with_height_and_width():
    data = jpeg(picture(47, 53))
    asked = []

    def draw_box(height, width):
        asked.append((int(height), int(width)))
        return tf.constant([2, 3, 10, 20])

    fused = decode.decode_and_crop(tf.constant(data), draw_box)
    pixels = decode.crop(tf.constant(decoded(data)), draw_box)
    assert asked == [(47, 53)] * 2
    np.testing.assert_array_equal(fused, pixels)
    assert pixels.shape == (10, 20, 3)


# Decoding at a scale


def smooth(height, width):
    """A photograph's kind of picture: little detail at the size of a pixel."""
    coarse = picture(height // 12, width // 12)
    return resize(tf.constant(coarse), height, width, "bicubic").numpy()


def cut(data, box, size, scaled):
    return decode.decode_crop_resize(
        tf.constant(data), lambda *_: tf.constant(box), size, scaled=scaled
    ).numpy()


@pytest.mark.parametrize(
    "box, scale",
    [
        ([0, 0, 300, 420], 8),
        ([9, 13, 290, 401], 8),
        ([9, 13, 260, 301], 8),
        ([9, 13, 250, 401], 4),
        ([1, 1, 298, 418], 8),
    ],
)
def test_scaled_square_is_close(box, scale, monkeypatch):
    data, used = jpeg(smooth(300, 420)), []
    tell = tf.io.decode_jpeg

    def decode_jpeg(*args, **options):
        used.append(options["ratio"])
        return tell(*args, **options)

    exact = cut(data, box, 16, scaled=False).astype(int)
    plain = decode.scaled_square.python_function
    monkeypatch.setattr(decode, "scaled_square", plain)
    monkeypatch.setattr(tf.io, "decode_jpeg", decode_jpeg)
    got = cut(data, box, 16, scaled=True)
    assert used == [scale]
    assert np.abs(got - exact).mean() < 1.5


def test_scaled_square_lies_where_the_box_does():
    """A ramp tells a shift of an eighth of a pixel of the square."""
    x = np.broadcast_to(np.linspace(0, 255, 400)[None, :, None], (300, 400, 3))
    ramp = x.astype(np.uint8)
    for box in ([0, 0, 300, 400], [5, 3, 290, 389], [3, 7, 297, 393]):
        got = cut(jpeg(ramp), box, 32, scaled=True).astype(int)
        exact = cut(jpeg(ramp), box, 32, scaled=False)
        assert abs((got - exact).mean()) < 0.4
        assert np.abs(got - exact)[:, 1:-1].max() <= 2


@pytest.mark.parametrize(
    "box, size",
    [
        ([0, 0, 300, 420], 80),  # less than 4 times as large
        ([0, 0, 150, 210], 16),  # a quarter of the image
        ([0, 0, 60, 420], 16),  # a fifth of it, and flat
    ],
)
def test_other_squares_are_exact(box, size):
    data = jpeg(smooth(300, 420))
    np.testing.assert_array_equal(
        cut(data, box, size, scaled=True), cut(data, box, size, scaled=False)
    )


def test_only_jpegs_are_scaled():
    data = tf.io.encode_png(picture(200, 200)).numpy()
    box = [0, 0, 200, 200]
    np.testing.assert_array_equal(
        cut(data, box, 16, scaled=True), cut(data, box, 16, scaled=False)
    )
