import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import RandomFlip, draws, flip_batch

pytestmark = pytest.mark.traced


@pytest.fixture(scope="module")
def images():
    return np.random.RandomState(0).randint(0, 256, (64, 3, 5, 3), np.uint8)


@pytest.fixture(scope="module")
def keys():
    return np.array([[7, place] for place in range(64)], np.int32)


def flipped(trick, images, keys):
    found, _ = trick(ops.convert_to_tensor(images), None, keys)
    return ops.convert_to_numpy(found)


def test_only_the_named_images_are_mirrored_left_to_right(images):
    found = ops.convert_to_numpy(
        flip_batch(images[:3], ops.convert_to_tensor([True, False, True]))
    )
    np.testing.assert_array_equal(found[0], images[0, :, ::-1])
    np.testing.assert_array_equal(found[1], images[1])
    np.testing.assert_array_equal(found[2], images[2, :, ::-1])
    assert found.dtype == np.uint8


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.8])
def test_the_keys_choose_the_images(rate, images, keys):
    chosen = ops.convert_to_numpy(draws.uniform(keys, "flip"))[:, 0] < rate
    expected = np.where(chosen[:, None, None, None], images[:, :, ::-1], images)
    found = flipped(RandomFlip(rate), images, keys)
    np.testing.assert_array_equal(found, expected)
    assert abs(chosen.mean() - rate) < 0.2  # deviation .06


def test_rate_0_keeps_and_rate_1_mirrors_all(images, keys):
    np.testing.assert_array_equal(
        flipped(RandomFlip(0.0), images, keys), images
    )
    np.testing.assert_array_equal(
        flipped(RandomFlip(1.0), images, keys), images[:, :, ::-1]
    )


def test_labels_pass_through(images, keys):
    labels = np.eye(64, dtype=np.float32)
    assert RandomFlip()(images, labels, keys)[1] is labels


def test_config_round_trip():
    config = json.loads(
        json.dumps(keras.saving.serialize_keras_object(RandomFlip(0.3)))
    )
    assert keras.saving.deserialize_keras_object(config) == RandomFlip(0.3)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_bad_rate(rate):
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\].*rate="):
        RandomFlip(rate)


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert RandomFlip.training_only and not RandomFlip.mixes
