"""Batch norms exchanged for fast ones, and stopped, in whole networks."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerastricks.layers import FusedBatchNorm
from kerastricks.models.fuse import freeze_batch_norms, fuse_batch_norms

pytestmark = pytest.mark.traced

BatchNorm = layers.BatchNormalization
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="XLA takes long to compile it",
)
SHAPE = (8, 8, 3)


@keras.saving.register_keras_serializable("tests")
class OwnBatchNorm(BatchNorm):
    """What a subclass does nobody knows."""


def randomize(model):
    """No weight is trivial, variances are positive."""
    random = np.random.RandomState(0)
    for weight in model.weights:
        if len(weight.shape):  # what Normalization counts is none
            values = random.uniform(0.5, 1.5, weight.shape)
            weight.assign(values * weight.shape[-1] ** -0.5)


def nested_network():
    """Functional, with networks of both kinds in it, one called twice."""
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.Conv2D(4, 1),
            BatchNorm(scale=False, name="bn"),
        ],
        name="inner",
    )
    x = images = keras.Input(SHAPE)
    x = layers.Normalization(name="normalize")(x)
    x = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    x = BatchNorm(momentum=0.8, epsilon=1e-2, name="bn")(x)
    x = OwnBatchNorm(name="own")(2 * layers.ReLU()(x) - 1)
    x = inner(inner(x))
    x = layers.Lambda(lambda x: x * 0.5, name="half")(x)
    side = keras.Model(z := keras.Input((8, 8, 4)), BatchNorm()(z), name="side")
    x = layers.Flatten()(side(x))
    x = BatchNorm(center=False, trainable=False, name="last_bn")(x)
    model = keras.Model(images, layers.Dense(2, name="head")(x), name="outer")
    randomize(model)
    model.get_layer("normalize").finalize_state()
    return model


def small_network():
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, use_bias=False),
            BatchNorm(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(3),
        ],
        name="small",
    )
    randomize(model)
    return model


def batch(count=16, shape=SHAPE, classes=3):
    random = np.random.RandomState(1)
    images = random.normal(1, 2, (count, *shape)).astype(np.float32)
    return images, np.arange(count) % classes


def logits(model, images):
    return ops.convert_to_numpy(model(images, training=False))


def train(model, images, labels, steps=1):
    on_tensorflow = keras.backend.backend() == "tensorflow"
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # Tracing takes longer than the few steps.
        run_eagerly=on_tensorflow,
        jit_compile=not on_tensorflow,
    )
    for _ in range(steps):
        model.train_on_batch(images, labels)


def assert_same_weights(one, other, **tolerance):
    assert len(one.weights) == len(other.weights) > 0
    for a, b in zip(one.weights, other.weights, strict=True):
        assert a.name == b.name
        np.testing.assert_allclose(
            ops.convert_to_numpy(a),
            ops.convert_to_numpy(b),
            err_msg=a.path,
            **tolerance,
        )


def kinds(model):
    """Classes of the batch norms by name."""
    return {
        layer.name: type(layer)
        for layer in model.layers
        if isinstance(layer, BatchNorm)
    }


def test_every_batch_norm_but_subclasses_is_exchanged():
    model = nested_network()
    found = fuse_batch_norms(model)
    assert kinds(found) == {
        "bn": FusedBatchNorm,
        "own": OwnBatchNorm,
        "last_bn": FusedBatchNorm,
    }
    assert kinds(found.get_layer("inner")) == {"bn": FusedBatchNorm}
    assert list(kinds(found.get_layer("side")).values()) == [FusedBatchNorm]
    assert found.name == "outer"
    names = [[x.name for x in m.layers[1:]] for m in (found, model)]
    assert names[0] == names[1]
    # The model itself is as it was.
    assert kinds(model)["bn"] is BatchNorm
    before = model.get_weights()
    found.set_weights([0 * weight for weight in before])
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_settings_stay():
    model = nested_network()
    found = fuse_batch_norms(model)
    for name in ("bn", "last_bn"):
        ours = found.get_layer(name).get_config()
        assert ours == model.get_layer(name).get_config()
    assert found.get_layer("bn").momentum == 0.8
    assert not found.get_layer("last_bn").trainable


def test_what_can_be_trained_stays():
    model = nested_network()
    model.get_layer("inner").trainable = False
    model.get_layer("inner").get_layer("bn").trainable = True
    found = fuse_batch_norms(model)
    paths = [weight.name for weight in found.trainable_variables]
    assert paths == [weight.name for weight in model.trainable_variables]
    inner = found.get_layer("inner")
    assert not inner.trainable and inner.get_layer("bn").trainable


def test_logits_and_weights_stay():
    model = nested_network()
    found = fuse_batch_norms(model)
    assert_same_weights(found, model, rtol=0)
    images, _ = batch()
    expected = logits(model, images)
    assert expected.std() > 0.1
    np.testing.assert_allclose(logits(found, images), expected, rtol=1e-5)


def test_training_steps_equal_keras():
    model = small_network()
    found = fuse_batch_norms(model)
    start = model.get_weights()
    for one in (model, found):
        train(one, *batch(), steps=3)
    assert_same_weights(found, model, rtol=1e-4, atol=1e-5)
    for weight, value in zip(found.get_weights(), start, strict=True):
        assert np.abs(weight - value).max() > 1e-4


def test_policies_of_layers_stay():
    images = keras.Input(SHAPE)
    x = BatchNorm(dtype="mixed_bfloat16", name="half")(images)
    model = keras.Model(images, BatchNorm(dtype="float32", name="whole")(x))
    found = fuse_batch_norms(model)
    policies = {x.name: x.dtype_policy.name for x in found.layers[1:]}
    assert policies == {"half": "mixed_bfloat16", "whole": "float32"}


def test_compiled_models_give_models_that_are_not():
    model = small_network()
    model.compile("sgd", loss=lambda labels, logits: ops.sum(logits))
    found = fuse_batch_norms(model)
    assert isinstance(found, keras.Sequential) and not found.compiled


def test_models_that_are_code_are_refused_on_top_and_left_alone_within():
    class Code(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = BatchNorm()

        def call(self, x):
            return self.norm(x)

    code = Code()
    with pytest.raises(ValueError, match="Functional or Sequential.*Code"):
        fuse_batch_norms(code)
    with pytest.raises(ValueError, match="and built.*Sequential"):
        fuse_batch_norms(keras.Sequential([BatchNorm()]))
    images = keras.Input(SHAPE)
    found = fuse_batch_norms(keras.Model(images, BatchNorm()(code(images))))
    assert found.layers[1] is code
    assert type(found.layers[2]) is FusedBatchNorm


def smooth(layer):
    """A copy, without the kink at which rounding decides on a gradient."""
    if isinstance(layer, layers.ReLU):
        return layers.Activation("softplus", name=layer.name)
    return type(layer).from_config(layer.get_config())


@pytest.mark.slow
@on_tensorflow
def test_mobilenet_of_keras():
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNet(
        (32, 32, 3),
        alpha=0.25,
        weights=None,
        classes=5,
        classifier_activation=None,
        dropout=0.0,
    )
    model = keras.models.clone_model(model, clone_function=smooth)
    found = fuse_batch_norms(model)
    assert set(kinds(found).values()) == {FusedBatchNorm}
    assert kinds(found).keys() == kinds(model).keys()
    images, labels = batch(32, (32, 32, 3), 5)
    expected = logits(model, images)
    np.testing.assert_allclose(
        logits(found, images), expected, atol=1e-5 * np.abs(expected).max()
    )
    start = model.get_weights()
    for one in (model, found):
        train(one, images, labels)
    assert_same_weights(found, model, rtol=1e-4, atol=2e-5)
    steps = [
        np.abs(new - old).max()
        for new, old in zip(model.get_weights(), start, strict=True)
    ]
    assert np.median(steps) > 0.003


@pytest.mark.parametrize("fuse", [False, True])
def test_frozen_batch_norms_stand_still_and_use_moving_statistics(fuse):
    model = nested_network()
    if fuse:
        model = fuse_batch_norms(model)
    assert freeze_batch_norms(model) == 5
    before = model.get_weights()
    images, labels = batch(classes=2)
    # Nothing else in this network differs between training and inference.
    np.testing.assert_allclose(
        ops.convert_to_numpy(model(images, training=True)),
        logits(model, images),
        rtol=1e-6,
    )
    train(model, images, labels)
    after = model.get_weights()
    changed = [
        weight.path
        for weight, old, new in zip(model.weights, before, after, strict=True)
        if np.abs(new - old).max() > 0
    ]
    assert sorted(path.split("/")[-2] for path in changed) == sorted(
        ["conv", "conv", "head", "head"]
        + 2 * [model.get_layer("inner").layers[0].name]
    )


def test_freezing_says_when_there_is_nothing_to_freeze():
    assert freeze_batch_norms(keras.Sequential([layers.Dense(2)])) == 0
