"""What all networks have in common, seen in a small ResNet."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.models.parts import Parts
from kerastricks.models.resnet import resnet


def small(**options):
    """ResNet-10-D of 8, 16, 32 and 64 channels."""
    return resnet(10, "d", num_classes=7, width=0.125, **options)


def run(model, start, end, x):
    """The output of a layer from the output of another, in inference."""
    part = keras.Model(
        model.get_layer(start).output, model.get_layer(end).output
    )
    return ops.convert_to_numpy(part(ops.convert_to_tensor(x)))


@pytest.mark.parametrize(
    "activation, formula",
    [
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("silu", lambda x: x / (1 + np.exp(-x))),
        (
            "gelu",
            lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
        ),
    ],
)
@pytest.mark.traced
def test_activations(activation, formula):
    model = small(activation=activation)
    x = np.linspace(-4, 4, 7 * 3 * 8).reshape(1, 7, 3, 8).astype("float32")
    found = run(model, "stem_1_bn", "stem_1_act", x)
    np.testing.assert_allclose(found, formula(x), atol=1e-5)


def test_order_of_norm_and_activation():
    def before(model, name):
        layer = model.get_layer(name)
        return layer._inbound_nodes[0].parent_nodes[0].operation.name

    usual, swapped = small(), small(bn_after_activation=True)
    assert before(usual, "stem_2_act") == "stem_2_bn"
    assert before(usual, "stem_2_bn") == "stem_2_conv"
    assert before(swapped, "stem_2_bn") == "stem_2_act"
    assert before(swapped, "stem_2_act") == "stem_2_conv"
    # What is added has no activation in either order.
    assert before(swapped, "stage1_block1_2_bn") == "stage1_block1_2_conv"


def test_drop_path_grows_from_nothing_to_its_rate():
    model = resnet(18, num_classes=3, width=0.125, drop_path=0.21)
    rates = {
        layer.name: layer.rate
        for layer in model.layers
        if layer.name.endswith("drop_path")
    }
    blocks = [f"stage{s}_block{b}" for s in (1, 2, 3, 4) for b in (1, 2)]
    assert list(rates) == [f"{block}_drop_path" for block in blocks[1:]]
    np.testing.assert_allclose(
        list(rates.values()), 0.03 * np.arange(1, 8), rtol=1e-6
    )


@pytest.mark.traced
def test_the_heads_features():
    model = small(pool="concat", dropout=0.5)
    assert model.get_layer("head").kernel.shape == (2 * 64, 7)
    assert model.get_layer("head_dropout").rate == 0.5


def test_spectral_norm_is_of_every_convolution():
    model = small(spectral_norm=True)
    kinds = {
        type(layer).__name__
        for layer in model.layers
        if layer.name.endswith("_conv")
    }
    assert kinds == {"SpectralConv2D"}


@pytest.mark.traced
def test_drop_path_and_dropout_draw_by_the_seed():
    rates = {"drop_path": 0.5, "dropout": 0.5}
    x = np.random.RandomState(0).normal(size=(8, 32, 32, 3)).astype("float32")
    first, again, other = (
        ops.convert_to_numpy(small(seed=seed, **rates)(x, training=True))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize(
    "options, message",
    [
        ({"activation": "elu"}, "activation must be one of relu, .*=elu"),
        ({"pool": "max"}, "pool must be one of avg, concat.*pool=max"),
        ({"drop_path": 1.0}, r"drop_path must be in \[0, 1\).*drop_path=1.0"),
        ({"dropout": -0.1}, r"dropout must be in \[0, 1\).*dropout=-0.1"),
        ({"init": "zeros"}, "init must be one of glorot_uniform.*init=zeros"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Parts(**options)
