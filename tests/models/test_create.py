import keras
import numpy as np
import pytest
from keras import ops

from kerastricks import models
from kerastricks.errors import InputError


def test_names_are_what_create_takes():
    assert models.names() == [
        "resnet10_d",
        "resnet18_d",
        "resnet34_d",
        "resnet50_d",
    ]


def test_options_reach_the_builder():
    model = models.create(
        "resnet10_d",
        num_classes=5,
        image_size=32,
        width=0.125,
        zero_gamma=False,
    )
    assert model.name == "resnet10_d"
    assert model.output_shape == (None, 5)
    # 3x3 convolutions of 8, 16, 32 and 64 channels, 1x1 shortcuts, one stem.
    kernels = 9 * (3 * 8 + 2 * 8 * 8)
    for width in (16, 32, 64):
        half = width // 2
        kernels += 9 * (half * width + width * width) + half * width
    norms = 2 * (8 + 2 * 8 + 3 * (16 + 32 + 64))
    trainable = sum(
        int(np.prod(weight.shape)) for weight in model.trainable_weights
    )
    assert trainable == kernels + norms + 64 * 5 + 5
    gammas = [w for w in model.weights if w.path.endswith("gamma")]
    assert all(ops.convert_to_numpy(gamma).all() for gamma in gammas)


def test_logits_are_the_head_on_averaged_features():
    model = models.create("resnet10_d", num_classes=4, width=0.125)
    inside = keras.Model(
        model.input, [model.get_layer("pool").input, model.output]
    )
    x = np.random.RandomState(0).normal(size=(2, 64, 64, 3)).astype("float32")
    features, logits = (ops.convert_to_numpy(part) for part in inside(x))
    kernel, bias = (
        ops.convert_to_numpy(w) for w in model.get_layer("head").weights
    )
    np.testing.assert_allclose(
        logits, features.mean((1, 2)) @ kernel + bias, atol=1e-5
    )
    assert logits.std() > 1e-3


def test_a_saved_model_gives_the_same_logits(tmp_path):
    model = models.create("resnet10_d", num_classes=4, width=0.125)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.RandomState(0).normal(size=(1, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(model(x)), ops.convert_to_numpy(again(x))
    )


@pytest.mark.parametrize("name", ["resnet50", "resnet51_d", ""])
def test_unknown_names(name):
    message = f"model must be one of resnet10_d, .*Received: model={name}$"
    with pytest.raises(InputError, match=message):
        models.create(name)
