import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, PcaNoise, draws
from kerastricks.augment.pca_noise import pca_shift

pytestmark = pytest.mark.traced

BATCH = 7
# GluonCV's, on 0..255.
SIZES = np.array([55.46, 4.794, 1.148])
AXES = np.array(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ]
)


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return random.randint(100, 150, (BATCH, 3, 5, 3)).astype(np.uint8)


def keys(count=BATCH, step=3):
    return np.array([[step, place] for place in range(count)], np.int32)


def changed(trick, images, keys):
    found, _ = Augment([trick])(images, None, keys)
    return ops.convert_to_numpy(found)


def from_keys(std, images, keys):
    """What the trick makes of them without clipping, from the draws."""
    amounts = ops.convert_to_numpy(draws.normal(keys, "pca noise", 3))
    shifts = (std * amounts * SIZES) @ AXES.T
    return images + shifts[:, None, None]


def test_a_shift_is_along_the_axes():
    amounts = np.random.RandomState(1).normal(size=(9, 3)).astype(np.float32)
    amounts[:3] = np.eye(3)
    found = ops.convert_to_numpy(pca_shift(amounts))
    np.testing.assert_allclose(found, (amounts * SIZES) @ AXES.T, atol=1e-4)
    # An amount of 1 of the first axis: all channels move together.
    np.testing.assert_allclose(found[0], [-31.47, -32.21, -32.37], atol=0.01)


@pytest.mark.parametrize("std", [0.1, 0.5])
def test_the_keys_choose_the_shifts(std, images):
    expected = from_keys(std, images, keys())
    assert 0 < expected.min() and expected.max() < 255
    found = changed(PcaNoise(std), images, keys())
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("clip", [True, False])
def test_what_leaves_the_range_is_cut_off_or_not(clip, images):
    expected = from_keys(5.0, images, keys())
    assert expected.min() < -20 and expected.max() > 300
    if clip:
        expected = np.clip(expected, 0, 255)
    found = changed(PcaNoise(5.0, clip=clip), images, keys())
    np.testing.assert_allclose(found, expected, atol=1e-2)


def test_shifts_vary_as_the_colours_of_imagenet():
    images = np.zeros((8000, 1, 1, 3), np.float32)
    shifts = changed(PcaNoise(0.1, clip=False), images, keys(8000))[:, 0, 0]
    expected = AXES @ np.diag((0.1 * SIZES) ** 2) @ AXES.T
    # The deviation of a variance of 8,000 is 1.6%.
    np.testing.assert_allclose(np.cov(shifts.T), expected, rtol=0.1)
    assert np.abs(shifts.mean(axis=0)).max() < 0.2  # deviation .036


def test_strength_0_is_the_identity(images):
    found = changed(PcaNoise(0.0), images, keys())
    np.testing.assert_array_equal(found, images)


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([PcaNoise(0.5)])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (np.abs(first - other).max(axis=(1, 2, 3)) > 0.1).all()


def test_a_batch_of_one_under_a_half_precision_policy(images):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed(PcaNoise(0.5), images[:1], keys(1))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, from_keys(0.5, images[:1], keys(1)), atol=1e-3
    )


def test_config_round_trip():
    trick = PcaNoise(0.3, clip=False)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("std", [-0.1, float("nan")])
def test_bad_std(std):
    rule = rf"std must be at least 0\. Received: std={std}"
    with pytest.raises(ValueError, match=rule):
        PcaNoise(std)


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert PcaNoise.training_only and not PcaNoise.mixes
