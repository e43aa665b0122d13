"""Resizing: Pillow's pixels, torchvision's geometry."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import resize


def picture(height, width, seed=0):
    """Waves of colour with noise: chroma that changes at every pixel."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([x / 3.0, y / 4.0 + x / 7.0, (x + y) / 5.0], axis=-1)
    noise = np.random.RandomState(seed).uniform(-25, 25, waves.shape)
    return np.clip(127 + 100 * np.sin(waves) + noise, 0, 255).astype(np.uint8)


# Sizes


def resized(image, height, width, name="bilinear"):
    return resize.resize(tf.constant(image), height, width, name).numpy()


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
@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_resize_is_pillows_to_a_grey_level(size, name):
    """Pillow rounds after each of its two passes, and halves always up."""
    image = pytest.importorskip("PIL.Image")
    whole = picture(61, 75)
    method = getattr(image, name.upper())
    theirs = image.fromarray(whole).resize(size[::-1], method)
    difference = resized(whole, *size, name).astype(int) - np.asarray(theirs)
    assert np.abs(difference).max() <= 1
    assert abs(difference.mean()) < 0.1


@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(20, 30), (61, 40), (90, 100)])
def test_two_passes_give_what_tensorflow_does(size, name):
    whole = picture(61, 75)
    theirs = tf.image.resize(whole, size, name, antialias=True)
    difference = resized(whole, *size, name) - np.clip(theirs, 0, 255)
    assert np.abs(difference).max() <= 0.51


def test_bicubic_keeps_to_the_range():
    """It swings over at an edge, by 1/16 of the step at half a pixel."""
    got = resized(row(0, 0, 0, 255, 255, 255), 1, 12, "bicubic")[0, :, 0]
    assert got.min() == 0 and got.max() == 255
    got = resized(row(50, 50, 50, 150, 150, 150), 1, 12, "bicubic")[0, :, 0]
    assert got.min() < 50 and got.max() > 150


@pytest.mark.parametrize("bicubic", [False, True])
def test_filter_may_be_a_tensor(bicubic):
    whole = picture(30, 40)
    expected = resized(whole, 12, 9, "bicubic" if bicubic else "bilinear")
    got = resized(whole, 12, 9, tf.constant(bicubic))
    np.testing.assert_array_equal(got, expected)


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
    got = resize.eval_square(tf.constant(image), size, keep).numpy()
    assert got.shape == (size, size, 3) and got.dtype == np.uint8
    # Halves may be rounded either way.
    difference = got.astype(int) - expected_square(image, size, keep)
    assert np.abs(difference).max() <= 1
    assert np.abs(difference).mean() < 0.01


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

    def window(images, zoom, shift, height, width, interpolation):
        asked.append((zoom.numpy() * shape, shift.numpy(), height, width))
        return tf.zeros([height, width, 3], tf.uint8)

    monkeypatch.setattr(resize, "window", window)
    resize.eval_square(tf.zeros([*shape, 3], tf.uint8), 16, 0.8)
    ((sides, shift, *square),) = asked
    np.testing.assert_allclose(sides, resized_to)
    assert tuple(-shift) == corner
    assert square == [16, 16]


def test_square_of_its_own_size_is_left_alone():
    image = picture(32, 32)
    got = resize.eval_square(tf.constant(image), 32, 1.0)
    np.testing.assert_array_equal(got, image)


@pytest.mark.parametrize("height, width", [(37, 53), (53, 37)])
def test_batch_equals_one_by_one(height, width):
    images = np.stack([picture(height, width, seed) for seed in range(3)])
    square = functools.partial(resize.eval_square, size=16, keep=0.875)
    together = square(tf.constant(images)).numpy()
    assert together.shape == (3, 16, 16, 3)
    alone = [square(tf.constant(image)).numpy() for image in images]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize(
    "number, expected", [(0, 0), (1, 0), (2, 1), (3, 2), (5, 2), (7, 4)]
)
def test_half_goes_to_the_even(number, expected):
    assert int(resize.half(tf.constant(number))) == expected
