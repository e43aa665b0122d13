"""Batch norms folded away: the same logits from fewer layers."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerastricks import models
from kerastricks.layers import FusedBatchNorm
from kerastricks.models.fold import fold_batch_norms

BatchNorm = layers.BatchNormalization
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="XLA takes long to compile it",
)
SHAPE = (9, 9, 4)


def randomize(model):
    """Batch norms and biases that do something."""
    random = np.random.RandomState(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(random.uniform(0.5, 1.5, weight.shape))


def logits(model):
    shape = [side or 33 for side in model.inputs[0].shape[1:]]
    images = np.random.RandomState(1).normal(size=(3, *shape))
    found = model(images.astype(np.float32), training=False)
    return ops.convert_to_numpy(found).astype(np.float64)


def norms(model):
    """Names of the batch norms, also of those in nested models."""
    return [
        layer.name
        for layer in model._flatten_layers()
        if isinstance(layer, BatchNorm)
    ]


def assert_same_logits(one, other):
    expected = logits(other)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(
        logits(one), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def fold(model):
    """Random weights, folded, and compared."""
    randomize(model)
    before = norms(model)
    found = fold_batch_norms(model)
    assert_same_logits(found, model)
    assert norms(model) == before
    return found


def functional(network, shape=SHAPE):
    images = keras.Input(shape)
    return keras.Model(images, network(images), name="net")


def test_by_hand():
    layer, norm = layers.Dense(1), FusedBatchNorm(epsilon=0.25)
    model = keras.Sequential([keras.Input((1,)), layer, norm])
    layer.set_weights([np.array([[2.0]]), np.array([1.0])])
    norm.set_weights([np.array([x]) for x in (4.0, 5.0, 3.0, 3.75)])
    # 4 * (2 x + 1 - 3) / sqrt(3.75 + .25) + 5 = 4 x + 1
    (folded,) = fold_batch_norms(model).layers
    assert folded.name == layer.name
    np.testing.assert_array_equal(folded.kernel, [[4.0]])
    np.testing.assert_array_equal(folded.bias, [1.0])


@pytest.mark.traced
@pytest.mark.parametrize("norm", [BatchNorm, FusedBatchNorm])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    "layer",
    [
        lambda **bias: layers.Conv2D(6, 3, 2, name="x", **bias),
        lambda **bias: layers.Conv2D(6, 3, groups=2, name="x", **bias),
        lambda **bias: layers.DepthwiseConv2D(
            3, depth_multiplier=2, name="x", **bias
        ),
        lambda **bias: layers.SeparableConv2D(
            6, 3, depth_multiplier=2, name="x", **bias
        ),
        lambda **bias: layers.Dense(6, name="x", **bias),
    ],
    ids=["conv", "grouped", "depthwise", "separable", "dense"],
)
def test_linear_layers_fold(layer, use_bias, norm):
    pad, own = layers.ZeroPadding2D(1, name="pad"), layer(use_bias=use_bias)
    model = functional(lambda x: layers.ReLU()(norm()(own(pad(x)))))
    found = fold(model)
    kinds = [type(layer) for layer in found.layers]
    assert kinds[1:] == [layers.ZeroPadding2D, type(own), layers.ReLU]
    assert found.get_layer("x").use_bias


@pytest.mark.parametrize(
    "options", [{"scale": False}, {"center": False}, {"renorm": True}]
)
def test_batch_norms_of_any_settings_fold(options):
    conv = layers.Conv2D(3, 3)
    model = functional(lambda x: BatchNorm(**options)(conv(x)))
    assert norms(fold(model)) == []


class Doubled(layers.Conv2D):
    """What a subclass does with its kernel nobody knows."""

    def call(self, inputs):
        return 2 * super().call(inputs)


def conv(**options):
    return layers.Conv2D(4, 3, padding="same", **options)


def shared_layer(x):
    layer = conv()
    return layer(BatchNorm()(layer(x)))


def shared_norm(x):
    norm = BatchNorm()
    return norm(conv()(norm(conv()(x))))


def output_used_twice(x):
    x = conv()(x)
    return BatchNorm()(x) + x


def output_of_the_model(x):
    x = conv()(x)
    return [BatchNorm()(x), x]


@pytest.mark.parametrize(
    "network",
    [
        lambda x: conv()(BatchNorm()(x)),
        lambda x: BatchNorm()(layers.ReLU()(conv()(x))),
        lambda x: BatchNorm()(conv(activation="relu")(x)),
        lambda x: BatchNorm()(layers.MaxPooling2D()(conv()(x))),
        lambda x: BatchNorm()(Doubled(4, 3)(x)),
        lambda x: BatchNorm(axis=1)(conv()(x)),
        lambda x: BatchNorm()(layers.Add()([conv()(x), x])),
        shared_layer,
        output_used_twice,
    ],
    ids=["before", "activation", "own activation", "pool", "subclass"]
    + ["axis", "sum", "shared layer", "used twice"],
)
def test_what_would_not_be_the_same_stays(network):
    assert len(norms(fold(functional(network)))) == 1


def test_norms_called_twice_stay():
    assert len(norms(fold(functional(shared_norm)))) == 1


def test_an_output_of_the_model_stays():
    model = functional(output_of_the_model)
    assert len(norms(fold_batch_norms(model))) == 1


def test_norms_by_the_batch_also_in_inference_stay():
    model = functional(lambda x: BatchNorm()(conv()(x), training=True))
    assert len(norms(fold(model))) == 1


def test_norms_of_another_precision_stay():
    model = functional(
        lambda x: BatchNorm(dtype="float32")(conv(dtype="mixed_bfloat16")(x))
    )
    assert len(norms(fold_batch_norms(model))) == 1


def test_nested_models_fold_and_their_borders_stay():
    inner = functional(lambda x: layers.ReLU()(BatchNorm(name="in")(x)))
    stack = keras.Sequential(
        [keras.Input(SHAPE), conv(name="conv"), BatchNorm(), layers.ReLU()],
        name="stack",
    )
    found = fold(functional(lambda x: stack(inner(stack(conv()(x))))))
    assert norms(found) == ["in"]
    folded = found.get_layer("stack")
    assert isinstance(folded, keras.Sequential)
    assert [layer.name for layer in folded.layers][:1] == ["conv"]


@pytest.mark.parametrize("image_size", [32, 224], ids=["small", "deep"])
def test_our_resnet(image_size):
    model = models.create(
        "resnet10_d", width=0.25, num_classes=7, image_size=image_size
    )
    count = len(norms(model))
    found = fold(model)
    assert norms(found) == []
    assert len(found.layers) == len(model.layers) - count
    kept = [x.name for x in model.layers if not isinstance(x, BatchNorm)]
    assert sorted(x.name for x in found.layers) == sorted(kept)


@on_tensorflow
@pytest.mark.parametrize(
    "name, options",
    [("MobileNet", {"alpha": 0.25}), ("ResNet50", {})],
)
def test_networks_of_keras(name, options):
    model = getattr(keras.applications, name)(
        input_shape=(32, 32, 3),
        weights=None,
        classes=5,
        classifier_activation=None,
        **options,
    )
    assert norms(fold(model)) == []


def test_half_precision_is_folded_in_float32():
    model = models.create(
        "resnet10_d", width=0.25, num_classes=7, dtype="mixed_bfloat16"
    )
    randomize(model)
    found = fold_batch_norms(model)
    assert {weight.dtype for weight in found.weights} == {"float32"}
    difference = logits(found) - logits(model)
    assert np.abs(difference).max() < 0.05 * np.abs(logits(model)).max()
