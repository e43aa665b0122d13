import keras
import numpy as np
import pytest

from kerastricks.models import create
from kerastricks.optimizers import SGD, decay_mask, is_decayed


@pytest.fixture(scope="module")
def model():
    """A convolution, a batch norm and a head, with misleading names."""
    return keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Conv2D(2, 3, name="bias_free_gamma"),
            keras.layers.BatchNormalization(name="kernel"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, name="head"),
        ],
        name="net",
    )


@pytest.mark.traced
def test_biases_gammas_and_betas_are_spared(model):
    assert decay_mask(model) == {
        "net/bias_free_gamma/kernel": True,
        "net/bias_free_gamma/bias": False,
        "net/kernel/gamma": False,
        "net/kernel/beta": False,
        "net/head/kernel": True,
        "net/head/bias": False,
    }


def test_or_nothing_is(model):
    mask = decay_mask(model, no_bias_decay=False)
    assert len(mask) == 6 and all(mask.values())


def test_frozen_layers_are_left_out(model):
    model.layers[0].trainable = False
    try:
        assert "net/bias_free_gamma/kernel" not in decay_mask(model)
    finally:
        model.layers[0].trainable = True


@pytest.mark.traced
@pytest.mark.parametrize(
    "shape, decayed", [((), False), ((3,), False), ((3, 1), True)]
)
def test_the_number_of_dimensions_decides(shape, decayed):
    variable = keras.Variable(np.zeros(shape, np.float32))
    assert is_decayed(variable) == decayed
    assert is_decayed(variable, no_bias_decay=False)


@pytest.mark.traced
def test_what_the_mask_says_is_what_the_optimizer_does(model):
    weights = model.trainable_variables
    for weight in weights:
        weight.assign(np.ones(weight.shape, np.float32))
    optimizer = SGD(0.1, weight_decay=1.0, no_bias_decay=True)
    optimizer.build(weights)
    zeros = [np.zeros(weight.shape, np.float32) for weight in weights]
    optimizer.apply([keras.ops.convert_to_tensor(z) for z in zeros], weights)
    for weight in weights:
        expected = 0.9 if decay_mask(model)[weight.path] else 1.0
        np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-6)


def test_a_resnet_decays_its_kernels_alone():
    mask = decay_mask(create("resnet10_d", num_classes=3, width=0.125))
    for path, decayed in mask.items():
        assert decayed == path.endswith("kernel"), path
