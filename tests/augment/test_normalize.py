import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Normalize, apply_color, normalize_batch

pytestmark = pytest.mark.traced

MEAN, STD = (10.0, 100.0, 200.0), (2.0, 50.0, 80.0)


def every_byte():
    """[1, 16, 16, 3]: all values in each channel."""
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    return np.repeat(values, 3, axis=-1)


def expected(images, mean, std):
    return (images.astype(np.float64) - np.array(mean)) / np.array(std)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_each_channel_has_its_mean_and_deviation(dtype):
    images = every_byte().astype(dtype)
    found = ops.convert_to_numpy(normalize_batch(images, MEAN, STD))
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, expected(images, MEAN, STD), rtol=1e-6, atol=1e-5
    )


def test_the_default_is_imagenets():
    found, _ = Normalize()(every_byte())
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found),
        expected(every_byte(), mean, std),
        atol=1e-6,
    )
    # torch's, on 0..1: .485 .456 .406 and .229 .224 .225.
    np.testing.assert_allclose(np.array(mean) / 255, [0.485, 0.456, 0.406])
    np.testing.assert_allclose(np.array(std) / 255, [0.229, 0.224, 0.225])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_float32_whatever_the_global_policy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        found, _ = Normalize(MEAN, STD)(every_byte())
    finally:
        keras.config.set_dtype_policy(before)
    found = ops.convert_to_numpy(found)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, expected(every_byte(), MEAN, STD), rtol=1e-6, atol=1e-5
    )


def test_the_matrix_does_the_same():
    images = every_byte().astype(np.float32)
    matrix = Normalize(MEAN, STD).matrix(None, None)
    found = ops.convert_to_numpy(apply_color(images, matrix))
    np.testing.assert_allclose(
        found, expected(images, MEAN, STD), rtol=1e-6, atol=1e-5
    )


def test_limits_are_normalised_too():
    low, high = Normalize(MEAN, STD).limits(0.0, 255.0)
    np.testing.assert_allclose(low, [-5, -2, -2.5])
    np.testing.assert_allclose(high, [122.5, 3.1, 0.6875])
    # Those of a channel each, as another normalisation leaves them.
    low, high = Normalize(MEAN, STD).limits(np.array(MEAN), np.array(STD))
    np.testing.assert_allclose(low, 0, atol=1e-12)
    np.testing.assert_allclose(high, [-4, -1, -1.5])


def test_labels_pass_through():
    labels = np.eye(3, dtype=np.float32)
    assert Normalize()(every_byte(), labels, None)[1] is labels


def test_config_round_trip():
    trick = Normalize(MEAN, STD)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("std", [(1.0, 0.0, 1.0), (1.0, -1.0, 1.0)])
def test_bad_std(std):
    with pytest.raises(ValueError, match=r"std must be above 0.*std="):
        Normalize(MEAN, std)


def test_evaluation_has_it_too():
    assert not Normalize.training_only and not Normalize.mixes
