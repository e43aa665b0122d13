import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.layers import PaddedMaxPool2D

pytestmark = pytest.mark.traced


def maps(height, width, channels=3):
    random = np.random.RandomState(height * width)
    return random.normal(size=(2, height, width, channels)).astype("float32")


@pytest.mark.parametrize("sides", [(6, 6), (7, 5)])
@pytest.mark.parametrize("strides", [1, 2])
def test_max_pool_of_negative_numbers(sides, strides):
    """Zeros as padding would win against them."""
    x = -1 - np.abs(maps(*sides))
    found = ops.convert_to_numpy(PaddedMaxPool2D(3, strides)(x))
    padded = np.pad(
        x, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf
    )
    expected = [
        [
            padded[:, i : i + 3, j : j + 3].max((1, 2))
            for j in range(0, sides[1], strides)
        ]
        for i in range(0, sides[0], strides)
    ]
    np.testing.assert_array_equal(found, np.moveaxis(expected, 2, 0))


def test_shape_and_configuration():
    layer, x = PaddedMaxPool2D(3, 2), maps(7, 6)
    again = PaddedMaxPool2D.from_config(layer.get_config())
    found = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(found, ops.convert_to_numpy(again(x)))
    assert layer.compute_output_shape(x.shape) == found.shape
    unknown = layer.compute_output_shape((None, None, None, 3))
    assert unknown[-1] == found.shape[-1] and set(unknown[:-1]) == {None}


def test_half_precision():
    x = maps(6, 6)
    exact = ops.convert_to_numpy(PaddedMaxPool2D()(x))
    half = PaddedMaxPool2D(dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(half, "float32")), exact, atol=0.03
    )
