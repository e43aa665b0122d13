import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.models.cifar import cifar_resnet, wide_resnet


def layers_of(model, ending):
    return [layer for layer in model.layers if layer.name.endswith(ending)]


def test_stages_and_strides():
    model = cifar_resnet(14)
    convolutions = layers_of(model, "_conv")
    assert len(convolutions) == 13  # and the head makes 14
    found = [(layer.filters, layer.strides[0]) for layer in convolutions]
    assert found == (
        [(16, 1)] * 5 + [(32, 2)] + [(32, 1)] * 3 + [(64, 2)] + [(64, 1)] * 3
    )
    features = keras.Model(model.input, model.get_layer("pool").input)
    assert features.compute_output_shape((1, 32, 32, 3)) == (1, 8, 8, 64)


@pytest.mark.traced
def test_shortcuts_have_no_parameters():
    model = cifar_resnet(8, zero_gamma=True)
    x = np.random.RandomState(0).normal(size=(2, 8, 8, 3)).astype("float32")
    part = keras.Model(
        model.input,
        [
            model.get_layer("stage1_block1_act").output,
            model.get_layer("stage2_block1_act").output,
        ],
    )
    before, after = (ops.convert_to_numpy(y) for y in part(x))
    # Zero gamma: the block gives its shortcut.
    np.testing.assert_allclose(after[..., 8:24], before[:, ::2, ::2], atol=1e-6)
    assert not after[..., :8].any() and not after[..., 24:].any()


@pytest.mark.parametrize("build", [cifar_resnet, lambda d: wide_resnet(d, 2)])
@pytest.mark.parametrize("depth", [19, 2, 7])
def test_bad_depths(build, depth):
    with pytest.raises(ValueError, match=rf"6n \+ .* Received: depth={depth}"):
        build(depth)


@pytest.mark.traced
def test_wide_resnet_activates_first():
    """Block by block in NumPy, from the layers' own convolutions."""
    model = wide_resnet(10, 1, num_classes=3)
    x = np.random.RandomState(0).normal(size=(2, 8, 8, 3)).astype("float32")
    names = ["stem_1_conv", "stage1_block1_add", "stage2_block1_add"]
    part = keras.Model(
        model.input, [model.get_layer(name).output for name in names]
    )
    stem, first, second = part(x)

    def layer(name, y):
        return model.get_layer(name)(y)

    def branch(block, ready):
        y = layer(f"{block}_2_bn", layer(f"{block}_1_conv", ready))
        return layer(f"{block}_2_conv", ops.relu(y))

    ready = ops.relu(layer("stage1_block1_1_bn", stem))
    np.testing.assert_allclose(
        ops.convert_to_numpy(first),
        ops.convert_to_numpy(stem + branch("stage1_block1", ready)),
        atol=1e-5,
    )
    ready = ops.relu(layer("stage2_block1_1_bn", first))
    padded = ops.pad(ready, [(0, 0), (1, 1), (1, 1), (0, 0)])
    np.testing.assert_allclose(
        ops.convert_to_numpy(second),
        ops.convert_to_numpy(
            layer("stage2_block1_down_conv", ready)
            + branch("stage2_block1", padded)
        ),
        atol=1e-5,
    )


def test_wide_resnet_widens_and_drops_within():
    model = wide_resnet(10, 3, dropout=0.3, drop_path=0.2)
    assert [layer.filters for layer in layers_of(model, "_2_conv")] == [
        48,
        96,
        192,
    ]
    assert [layer.rate for layer in layers_of(model, "_dropout")] == [0.3] * 3
    rates = [layer.rate for layer in layers_of(model, "drop_path")]
    assert rates == pytest.approx([0.1, 0.2])
