import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.layers import SqueezeExcite

pytestmark = pytest.mark.traced


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_formula():
    layer = SqueezeExcite(reduction=2)
    x = np.random.RandomState(0).normal(size=(3, 4, 5, 16)).astype("float32")
    found = ops.convert_to_numpy(layer(x))
    first, first_bias, second, second_bias = (
        ops.convert_to_numpy(weight) for weight in layer.weights
    )
    inner = np.maximum(x.mean((1, 2)) @ first + first_bias, 0)
    weights = sigmoid(inner @ second + second_bias)
    np.testing.assert_allclose(found, x * weights[:, None, None], atol=1e-6)
    assert weights.std() > 1e-3


@pytest.mark.parametrize(
    "channels, inner",
    # timm: make_divisible(channels / 16, 8, round_limit=0)
    [(64, 8), (128, 8), (192, 16), (256, 16), (512, 32), (2048, 128), (8, 8)],
)
def test_inner_width_is_timms(channels, inner):
    layer = SqueezeExcite()
    layer.build((None, None, None, channels))
    assert layer.reduce.units == inner
    assert layer.expand.units == channels


def test_saved_and_loaded(tmp_path):
    images = keras.Input((4, 4, 16))
    model = keras.Model(images, SqueezeExcite()(images))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.RandomState(0).normal(size=(2, 4, 4, 16)).astype("float32")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(model(x)), ops.convert_to_numpy(again(x))
    )
