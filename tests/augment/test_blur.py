import functools
import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, GaussianBlur, blur_batch, draws
from kerastricks.backend import fused

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 7, 6, 9


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return random.randint(0, 256, (BATCH, HEIGHT, WIDTH, 3)).astype(np.uint8)


def keys(count=BATCH, step=3):
    return np.array([[step, place] for place in range(count)], np.int32)


def changed(trick, images, keys):
    found, _ = Augment([trick])(images, None, keys)
    return ops.convert_to_numpy(found)


def blurred(image, sigma, size):
    """By one square kernel, pixel by pixel, in float64."""
    reach = size // 2
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = np.outer(line, line) / line.sum() ** 2
    padded = np.pad(
        image.astype(float), ((reach, reach), (reach, reach), (0, 0)), "reflect"
    )
    found = np.empty(image.shape)
    for i, j in np.ndindex(image.shape[:2]):
        window = padded[i : i + size, j : j + size]
        found[i, j] = np.sum(kernel[..., None] * window, axis=(0, 1))
    return found


def from_keys(trick, images, keys, size):
    """What the trick makes of them, worked out from the draws."""
    drawn = ops.convert_to_numpy(draws.uniform(keys, "blur", 2))
    low, high = trick.sigma
    return np.stack(
        [
            blurred(image, low + place * (high - low), size)
            if chance < trick.rate
            else image
            for image, (chance, place) in zip(images, drawn, strict=True)
        ]
    )


@pytest.mark.parametrize("size", [3, 5, 11])
def test_each_image_has_a_deviation_of_its_own(size, images):
    sigma = np.array([0.1, 0.5, 1.0, 1.5, 2.0, 5.0, 50.0], np.float32)
    blur = fused(functools.partial(blur_batch, kernel_size=size))
    found = ops.convert_to_numpy(blur(images, sigma))
    assert found.dtype == np.float32
    for got, image, own in zip(found, images, sigma, strict=True):
        np.testing.assert_allclose(got, blurred(image, own, size), atol=1e-3)
    # An even mean for a large deviation, next to nothing for a small one.
    np.testing.assert_allclose(found[0], images[0], atol=1e-3)
    assert found[-1].std() < images[-1].std() / 2


def test_one_tap_is_the_identity(images):
    sigma = np.full(BATCH, 2.0, np.float32)
    found = ops.convert_to_numpy(blur_batch(images, sigma, 1))
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize(
    "trick", [GaussianBlur(0.5), GaussianBlur(1.0, (1.0, 3.0), 5)]
)
def test_the_keys_choose_images_and_deviations(trick, images):
    expected = from_keys(trick, images, keys(), trick.kernel_size or 3)
    same = (expected == images).all(axis=(1, 2, 3))
    assert same.any() == (trick.rate < 1) and not same.all()
    found = changed(trick, images, keys())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("side, taps", [(39, 3), (40, 5), (224, 23)])
def test_taps_by_default_are_a_tenth_of_the_side(side, taps):
    # A line of light: blurred it is as wide as there are taps.
    images = np.zeros((1, side, side, 1), np.float32)
    images[:, :, side // 2] = 1
    trick = GaussianBlur(1.0, (50.0, 50.0))
    found = changed(trick, images, keys(1))
    assert np.count_nonzero(found[0, 0] > 1e-6) == taps


def test_rate_0_is_the_identity(images):
    found = changed(GaussianBlur(0.0), images, keys())
    np.testing.assert_array_equal(found, images)


def test_the_rate_is_the_share_of_images():
    images = np.tile(np.eye(3, dtype=np.float32)[..., None], (4000, 1, 1, 1))
    found = changed(GaussianBlur(0.3, (1.0, 2.0)), images, keys(4000))
    share = np.mean((found != images).any(axis=(1, 2, 3)))
    assert abs(share - 0.3) < 0.03  # deviation .007


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([GaussianBlur(1.0)])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()


def test_a_batch_of_one_under_a_half_precision_policy(images):
    trick = GaussianBlur(1.0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed(trick, images[:1], keys(1))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    expected = from_keys(trick, images[:1], keys(1), 3)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_config_round_trip():
    trick = GaussianBlur(0.3, (0.5, 1.5), 7)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_bad_rate(rate):
    rule = rf"rate must be in \[0, 1\]\. Received: rate={rate}"
    with pytest.raises(ValueError, match=rule):
        GaussianBlur(rate)


@pytest.mark.parametrize("sigma", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_bad_sigma(sigma):
    rule = r"sigma must be 0 < smallest <= largest\. Received: sigma=\("
    with pytest.raises(ValueError, match=rule):
        GaussianBlur(sigma=sigma)


@pytest.mark.parametrize("size", [-3, 4])
def test_bad_kernel_size(size):
    rule = rf"kernel_size must be odd, or 0\. Received: kernel_size={size}"
    with pytest.raises(ValueError, match=rule):
        GaussianBlur(kernel_size=size)


def test_images_are_larger_than_half_the_kernel(images):
    found = changed(GaussianBlur(1.0, kernel_size=11), images, keys())
    assert np.isfinite(found).all()
    rule = (
        r"kernel_size must be below twice the image's side\. "
        r"Received: kernel_size=13, side=6"
    )
    with pytest.raises(ValueError, match=rule):
        GaussianBlur(kernel_size=13)(images, None, keys())


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert GaussianBlur.training_only and not GaussianBlur.mixes
