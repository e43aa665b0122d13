import numpy as np
import pytest
from keras import ops

from kerastricks.models.cifar_fast import Dirac, cifar_fast


@pytest.fixture(scope="module")
def model():
    return cifar_fast(seed=1)


def test_parameters_are_airbenchs(model):
    trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    kernels = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256)
    norms = 2 * (64 + 256 + 256)  # a shift each, no scale
    assert trained == kernels + norms + 24 + 256 * 10
    still = model.get_layer("whiten").kernel
    assert still.shape == (2, 2, 3, 24) and not still.trainable


def test_sizes_on_the_way(model):
    import keras

    features = keras.Model(model.input, model.get_layer("pool").input)
    assert features.compute_output_shape((1, 32, 32, 3)) == (1, 3, 3, 256)


@pytest.mark.traced
def test_convolutions_start_as_the_identity():
    kernel = ops.convert_to_numpy(Dirac(3)((3, 3, 4, 6)))
    x = np.random.RandomState(0).normal(size=(5, 4))
    np.testing.assert_allclose(x @ kernel[1, 1][:, :4], x)
    assert np.abs(kernel[..., :4]).sum() == 4
    rest = kernel[..., 4:]
    assert 0.9 / 6 < np.abs(rest).max() <= 1 / 6  # 1 / sqrt(9 * 4)


@pytest.mark.traced
def test_logits_are_a_ninth_of_the_head(model):
    import keras

    part = keras.Model(
        model.input, [model.get_layer("head").output] + [model.output]
    )
    x = np.random.RandomState(0).normal(size=(2, 32, 32, 3)).astype("float32")
    head, logits = (ops.convert_to_numpy(y) for y in part(x))
    np.testing.assert_allclose(logits, head / 9, rtol=1e-5)


def test_batch_norm_is_airbenchs(model):
    norm = model.get_layer("group1_1_bn")
    assert (norm.momentum, norm.epsilon, norm.scale) == (0.6, 1e-12, False)
