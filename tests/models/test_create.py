import keras
import numpy as np
import pytest
from keras import ops

from kerastricks import models
from kerastricks.errors import InputError

# Trainable parameters of timm's networks, at 1,000 classes.
TIMM = {
    "resnet18": 11_689_512,
    "resnet26": 15_995_176,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet26d": 16_014_408,
    "resnet50c": 25_576_264,
    "resnet50d": 25_576_264,
    "seresnet18": 11_779_624,
    "seresnet50": 28_088_024,
    "resnext50_32x4d": 25_028_904,
    "wide_resnet50_2": 68_883_240,
}
# The papers' tables in millions, and the sums of layers as they describe them.
PAPERS = {"resnet20": 269_722, "resnet56": 853_018, "wrn28_10": 36_479_194}


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", TIMM)
def test_parameters_are_timms(name):
    assert trainable(models.create(name)) == TIMM[name]


@pytest.mark.parametrize("name", PAPERS)
def test_parameters_are_the_papers(name):
    assert trainable(models.create(name, num_classes=10)) == PAPERS[name]


def test_public_names_of_the_package():
    for name in (*models.__all__, "fuse_batch_norms", "fold_batch_norms"):
        assert callable(getattr(models, name))
    with pytest.raises(AttributeError, match="no attribute 'craete'"):
        _ = models.craete


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
    assert trainable(model) == kernels + norms + 64 * 5 + 5
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


@pytest.mark.parametrize("name", ["resnet51_d", ""])
def test_unknown_names(name):
    with pytest.raises(InputError, match=f"Received: model={name}$"):
        models.create(name)


@pytest.mark.parametrize(
    "name, pixels",
    [
        ("resnet20", 32),
        ("wrn10_1", 32),
        ("cifar_fast", 32),
        ("se_resnet18", 64),
    ],
)
def test_logits_of_every_family(name, pixels):
    model = models.create(name, num_classes=6, width=0.25, dtype="float32")
    random = np.random.RandomState(0)
    x = random.normal(size=(4, pixels, pixels, 3)).astype("float32")
    logits = ops.convert_to_numpy(model(x))
    assert logits.shape == (4, 6)
    assert np.isfinite(logits).all() and logits.std(axis=0).min() > 1e-4
    assert model.name == name
