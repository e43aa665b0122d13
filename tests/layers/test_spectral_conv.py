import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.layers import SpectralConv2D

pytestmark = pytest.mark.traced


def maps():
    random = np.random.RandomState(0)
    return random.normal(size=(2, 5, 6, 3)).astype("float32")


def converged():
    layer = SpectralConv2D(
        4,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.RandomNormal(seed=1),
    )
    for _ in range(60):
        layer(maps(), training=True)
    return layer


def largest(kernel):
    return np.linalg.svd(kernel.reshape(-1, 4), compute_uv=False)[0]


def test_sigma_is_the_largest_singular_value():
    layer = converged()
    kernel = ops.convert_to_numpy(layer.kernel)
    assert float(layer.sigma(False)) == pytest.approx(largest(kernel), rel=1e-4)


def test_the_output_is_the_convolution_over_sigma():
    layer = converged()
    plain = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)
    plain.build((None, None, None, 3))
    plain.kernel.assign(layer.kernel)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(maps())),
        ops.convert_to_numpy(plain(maps()))
        / largest(ops.convert_to_numpy(layer.kernel)),
        atol=1e-4,
    )


def test_one_power_iteration_a_step_and_none_in_inference():
    layer = SpectralConv2D(4, 3)
    layer.build((None, None, None, 3))
    matrix = ops.convert_to_numpy(layer.kernel).reshape(-1, 4)
    left = ops.convert_to_numpy(layer.left)
    right = matrix @ (left / np.linalg.norm(left))
    right /= np.linalg.norm(right)
    expected = right @ matrix
    expected /= np.linalg.norm(expected)
    layer(maps(), training=False)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.left), left)
    layer(maps(), training=True)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.left), expected, atol=1e-6
    )


def test_scaling_the_kernel_changes_nothing():
    layer = converged()
    before = ops.convert_to_numpy(layer(maps()))
    layer.kernel.assign(layer.kernel * 7)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(maps())), before, rtol=1e-4, atol=1e-6
    )


def test_weights_are_saved_whole(tmp_path):
    images = keras.Input((5, 6, 3))
    layer = SpectralConv2D(4, 3, use_bias=False)
    model = keras.Model(images, layer(images))
    layer(maps(), training=True)
    model.save_weights(tmp_path / "w.weights.h5")
    other = SpectralConv2D(4, 3, use_bias=False)
    again = keras.Model(images, other(images))
    again.load_weights(tmp_path / "w.weights.h5")
    for name in ("kernel", "left"):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(getattr(other, name)),
            ops.convert_to_numpy(getattr(layer, name)),
        )


def test_a_new_layer_is_near_its_norm_already():
    layer = SpectralConv2D(4, 3)
    layer.build((None, None, None, 3))
    norm = largest(ops.convert_to_numpy(layer.kernel))
    assert 0.9 * norm < float(layer.sigma(False)) <= norm * 1.001
