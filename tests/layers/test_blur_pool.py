import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.layers import BlurPool

pytestmark = pytest.mark.traced


def maps(height, width, channels=3):
    random = np.random.RandomState(height * width)
    return random.normal(size=(2, height, width, channels)).astype("float32")


def blurred(x):
    """Zhang's filter by hand, reflected at the borders, every second pixel."""
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
    height, width = x.shape[1:3]
    rows = sum(
        weight * padded[:, i : i + height]
        for i, weight in enumerate((0.25, 0.5, 0.25))
    )
    both = sum(
        weight * rows[:, :, i : i + width]
        for i, weight in enumerate((0.25, 0.5, 0.25))
    )
    return both[:, ::2, ::2]


@pytest.mark.parametrize("sides", [(6, 6), (7, 5)])
def test_blur_pool(sides):
    x = maps(*sides)
    found = ops.convert_to_numpy(BlurPool()(x))
    np.testing.assert_allclose(found, blurred(x), atol=1e-6)


def test_blur_pool_keeps_what_is_flat():
    x = np.full((1, 9, 8, 2), 3.0, "float32")
    found = ops.convert_to_numpy(BlurPool()(x))
    np.testing.assert_allclose(found, np.full((1, 5, 4, 2), 3.0), rtol=1e-6)


def test_shape_and_configuration():
    layer, x = BlurPool(), maps(7, 6)
    again = BlurPool.from_config(layer.get_config())
    found = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(found, ops.convert_to_numpy(again(x)))
    assert layer.compute_output_shape(x.shape) == found.shape
    unknown = layer.compute_output_shape((None, None, None, 3))
    assert unknown[-1] == found.shape[-1] and set(unknown[:-1]) == {None}


def test_half_precision():
    x = maps(6, 6)
    exact = ops.convert_to_numpy(BlurPool()(x))
    half = BlurPool(dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(half, "float32")), exact, atol=0.03
    )
