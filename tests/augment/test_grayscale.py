import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, RandomGrayscale, draws

pytestmark = pytest.mark.traced

BATCH = 15
LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def images():
    return np.random.RandomState(0).randint(0, 256, (BATCH, 3, 5, 3), np.uint8)


def keys(count=BATCH, step=3):
    return np.array([[step, place] for place in range(count)], np.int32)


def changed(trick, images, keys):
    found, _ = Augment([trick])(images, None, keys)
    return ops.convert_to_numpy(found)


def grey(images):
    """Three equal channels."""
    return np.repeat((images @ LUMA)[..., None], 3, axis=-1)


@pytest.mark.parametrize("rate", [0.3, 0.7])
def test_the_keys_choose_the_images(rate, images):
    drawn = ops.convert_to_numpy(draws.uniform(keys(), "grayscale"))
    chosen = drawn[:, 0] < rate
    assert 0 < chosen.sum() < BATCH
    found = changed(RandomGrayscale(rate), images, keys())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[chosen], grey(images[chosen]), atol=1e-4)
    np.testing.assert_array_equal(found[~chosen], images[~chosen])


def test_rate_0_is_the_identity_and_rate_1_takes_all_colours(images):
    found = changed(RandomGrayscale(0.0), images, keys())
    np.testing.assert_array_equal(found, images)
    found = changed(RandomGrayscale(1.0), images, keys())
    np.testing.assert_allclose(found, grey(images), atol=1e-4)


def test_the_rate_is_the_share_of_images():
    images = np.tile(np.float32([0, 100, 200]), (4000, 1, 1, 1))
    found = changed(RandomGrayscale(0.2), images, keys(4000))
    share = np.mean(np.ptp(found, axis=-1) < 1e-3)
    assert abs(share - 0.2) < 0.025  # deviation .006


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([RandomGrayscale(0.5)])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 10


def test_a_batch_of_one_under_a_half_precision_policy(images):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed(RandomGrayscale(1.0), images[:1], keys(1))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, grey(images[:1]), atol=1e-4)


def test_config_round_trip():
    trick = RandomGrayscale(0.3)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_bad_rate(rate):
    rule = rf"rate must be in \[0, 1\]\. Received: rate={rate}"
    with pytest.raises(ValueError, match=rule):
        RandomGrayscale(rate)


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert RandomGrayscale.training_only and not RandomGrayscale.mixes
