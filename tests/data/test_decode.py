"""From a file's bytes to a square, checked pixel by pixel."""

import functools
import io

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import decode


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


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("height, width", [(47, 53), (32, 48)])
def test_crop_equals_crop_of_the_whole_bit_for_bit(name, height, width):
    """At all offsets within and at the edges of JPEG's 16-pixel blocks."""
    data = ENCODINGS[name](picture(height, width))
    whole = decoded(data)
    boxes = [
        (top, left, h, w)
        for h, w in ((1, 1), (7, 9), (16, 16), (height, 5), (5, width))
        for top in range(0, height - h + 1, 3)
        for left in range(top % 2, width - w + 1, 2)
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


# Sizes


def resized(image, height, width):
    return decode.resize(tf.constant(image), height, width).numpy()


def row(*values):
    """[1, N, 3], the channels alike."""
    return np.repeat(np.array(values, np.uint8)[None, :, None], 3, axis=-1)


def test_shrinking_weighs_every_pixel():
    """Halving: a triangle of 4 pixels, 1 3 3 1, cut and renormed at edges."""
    got = resized(row(0, 80, 160, 240, 8, 64), 1, 3)[0, :, 0]
    expected = [
        (3 * 0 + 3 * 80 + 160) / 7,
        (80 + 3 * 160 + 3 * 240 + 8) / 8,
        (240 + 3 * 8 + 3 * 64) / 7,
    ]
    assert got.tolist() == [round(value) for value in expected]


def test_enlarging_is_linear_between_centres():
    got = resized(row(0, 100), 1, 4)[0, :, 0]
    assert got.tolist() == [0, 25, 75, 100]


def test_same_size_changes_nothing():
    image = picture(9, 11)
    np.testing.assert_array_equal(resized(image, 9, 11), image)


@pytest.mark.parametrize("size", [(20, 30), (16, 16), (61, 40), (90, 100)])
def test_resize_is_pillows_to_a_grey_level(size):
    """Pillow rounds after each of its two passes, and halves always up."""
    image = pytest.importorskip("PIL.Image")
    whole = picture(61, 75)
    theirs = image.fromarray(whole).resize(size[::-1], image.BILINEAR)
    difference = resized(whole, *size).astype(int) - np.asarray(theirs)
    assert np.abs(difference).max() <= 1
    assert abs(difference.mean()) < 0.1


# The evaluation's square


def expected_square(image, size, keep):
    """torchvision's Resize and CenterCrop, with our resize in between."""
    height, width = image.shape[:2]
    short = round(size / keep)
    if height <= width:
        height, width = short, int(short * width / height)
    else:
        height, width = int(short * height / width), short
    top, left = round((height - size) / 2), round((width - size) / 2)
    whole = resized(image, height, width)
    return whole[top : top + size, left : left + size]


@pytest.mark.parametrize("height, width", [(37, 53), (53, 37), (40, 40)])
@pytest.mark.parametrize("size, keep", [(16, 0.875), (15, 0.8), (24, 1.0)])
def test_square_is_torchvisions(height, width, size, keep):
    image = picture(height, width)
    got = decode.eval_square(tf.constant(image), size, keep).numpy()
    assert got.shape == (size, size, 3) and got.dtype == np.uint8
    np.testing.assert_array_equal(got, expected_square(image, size, keep))


@pytest.mark.parametrize(
    "shape, resized_to, corner",
    [
        # 16 / .8 = 20; 60 * 20 / 40 = 30; (20 - 16) / 2, (30 - 16) / 2.
        ((40, 60), (20, 30), (2, 7)),
        ((60, 40), (30, 20), (7, 2)),
        ((50, 50), (20, 20), (2, 2)),
        ((40, 63), (20, 31), (2, 8)),  # 31.5 is cut; 7.5 goes to the even 8
        ((40, 59), (20, 29), (2, 6)),  # 29.5 is cut; 6.5 goes to the even 6
        ((5, 10), (20, 40), (2, 12)),  # small ones are enlarged
    ],
)
def test_sizes_found_by_hand(shape, resized_to, corner, monkeypatch):
    asked = []
    y, x = np.mgrid[:40, :40].astype(np.uint8)

    def positions(images, height, width):
        asked.append((int(height), int(width)))
        return tf.constant(np.stack([y, x, x], axis=-1)[:height, :width])

    monkeypatch.setattr(decode, "resize", positions)
    got = decode.eval_square(tf.zeros([*shape, 3], tf.uint8), 16, 0.8).numpy()
    assert asked == [resized_to]
    assert tuple(got[0, 0, :2]) == corner
    assert got.shape == (16, 16, 3)


def test_square_of_its_own_size_is_left_alone():
    image = picture(32, 32)
    got = decode.eval_square(tf.constant(image), 32, 1.0)
    np.testing.assert_array_equal(got, image)


@pytest.mark.parametrize("height, width", [(37, 53), (53, 37)])
def test_batch_equals_one_by_one(height, width):
    images = np.stack([picture(height, width, seed) for seed in range(3)])
    square = functools.partial(decode.eval_square, size=16, keep=0.875)
    together = square(tf.constant(images)).numpy()
    assert together.shape == (3, 16, 16, 3)
    alone = [square(tf.constant(image)).numpy() for image in images]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize(
    "number, expected", [(0, 0), (1, 0), (2, 1), (3, 2), (5, 2), (7, 4)]
)
def test_half_goes_to_the_even(number, expected):
    assert int(decode.half(tf.constant(number))) == expected
