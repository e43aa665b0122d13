import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.layers import ConcatPooling

pytestmark = pytest.mark.traced


def maps(height, width, channels=3):
    random = np.random.RandomState(height * width)
    return random.normal(size=(2, height, width, channels)).astype("float32")


def test_concat_pooling_has_fast_ais_order():
    x = maps(4, 5)
    found = ops.convert_to_numpy(ConcatPooling()(x))
    np.testing.assert_allclose(found[:, :3], x.max((1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found[:, 3:], x.mean((1, 2)), atol=1e-6)


def test_shape_and_configuration():
    layer, x = ConcatPooling(), maps(7, 6)
    again = ConcatPooling.from_config(layer.get_config())
    found = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(found, ops.convert_to_numpy(again(x)))
    assert layer.compute_output_shape(x.shape) == found.shape
    unknown = layer.compute_output_shape((None, None, None, 3))
    assert unknown[-1] == found.shape[-1] and set(unknown[:-1]) == {None}


def test_half_precision():
    x = maps(6, 6)
    exact = ops.convert_to_numpy(ConcatPooling()(x))
    half = ConcatPooling(dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(half, "float32")), exact, atol=0.03
    )
