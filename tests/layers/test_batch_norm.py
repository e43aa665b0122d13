import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.layers import FusedBatchNorm

pytestmark = pytest.mark.traced

BACKEND = keras.backend.backend()
on_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="only TensorFlow has the fused op"
)
SHAPE = (4, 5, 6, 3)
AXES = (0, 1, 2)


def batches(count=3, shape=SHAPE):
    """Each with a mean and a deviation of its own."""
    random = np.random.RandomState(0)
    return [
        (i + random.normal(size=shape) * (1 + i)).astype(np.float32)
        for i in range(count)
    ]


def keras_layer(**options):
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, **options
    )


def pair(shape=SHAPE, **options):
    """(ours, Keras's) with the same weights, none of them trivial."""
    layers = FusedBatchNorm(**options), keras_layer(**options)
    random = np.random.RandomState(1)
    for layer in layers:
        layer.build(shape)
    values = [random.uniform(0.5, 2, w.shape) for w in layers[0].weights]
    for layer in layers:
        layer.set_weights(values)
    return layers


def outputs(layer, x, training):
    found = layer(ops.convert_to_tensor(x), training=training)
    return ops.convert_to_numpy(ops.cast(found, "float32"))


def gradients(layer, x, upstream):
    """Of sum(upstream * y) by x, gamma and beta, in a training call."""
    x, upstream = ops.convert_to_tensor(x), ops.convert_to_tensor(upstream)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = ops.sum(upstream * layer(x, training=True))
        gamma, beta = (w.value for w in layer.trainable_variables)
        found = tape.gradient(loss, [x, gamma, beta])
    else:
        import jax

        def loss_of(x, trainable):
            y, _ = layer.stateless_call(
                trainable,
                [w.value for w in layer.non_trainable_variables],
                x,
                training=True,
            )
            return ops.sum(upstream * y)

        weights = [w.value for w in layer.trainable_variables]
        by_x, by_weights = jax.grad(loss_of, (0, 1))(x, weights)
        found = [by_x, *by_weights]
    return [ops.convert_to_numpy(gradient) for gradient in found]


def assert_same_weights(ours, theirs, **tolerance):
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        assert one.name == other.name
        np.testing.assert_allclose(
            ops.convert_to_numpy(one),
            ops.convert_to_numpy(other),
            err_msg=one.name,
            **tolerance,
        )


def test_defaults_are_torchs():
    layer = FusedBatchNorm()
    assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)


def test_training_normalises_each_channel_by_the_formula():
    layer, _ = pair()
    (x,) = batches(1)
    gamma, beta, *_ = (ops.convert_to_numpy(w) for w in layer.weights)
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(AXES)) / np.sqrt(wide.var(AXES) + 1e-5)
    np.testing.assert_allclose(
        outputs(layer, x, training=True), gamma * expected + beta, atol=1e-5
    )


def test_moving_statistics_after_three_steps():
    layer, _ = pair()
    *_, mean, variance = (ops.convert_to_numpy(w) for w in layer.weights)
    for x in batches():
        outputs(layer, x, training=True)
        mean = 0.9 * mean + 0.1 * x.mean(AXES)
        # The biased variance, as Keras keeps it; torch's would be 119/120.
        variance = 0.9 * variance + 0.1 * x.var(AXES)
    found = [ops.convert_to_numpy(w) for w in layer.weights[2:]]
    np.testing.assert_allclose(found, [mean, variance], rtol=1e-5)


def test_three_training_steps_equal_keras():
    ours, theirs = pair()
    for x in batches():
        np.testing.assert_allclose(
            outputs(ours, x, training=True),
            outputs(theirs, x, training=True),
            atol=1e-5,
        )
    assert_same_weights(ours, theirs, rtol=1e-5)


def test_gradients_equal_keras():
    (x,) = batches(1)
    upstream = np.random.RandomState(2).normal(size=SHAPE).astype(np.float32)
    ours, theirs = (gradients(layer, x, upstream) for layer in pair())
    for one, other in zip(ours, theirs, strict=True):
        assert np.abs(other).max() > 0.1
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_inference_equals_keras_and_leaves_the_statistics():
    ours, theirs = pair()
    before = [ops.convert_to_numpy(w).copy() for w in ours.weights]
    for x in batches():
        gamma, beta, mean, variance = before
        found = outputs(ours, x, training=False)
        np.testing.assert_allclose(
            found, outputs(theirs, x, training=False), atol=1e-5
        )
        np.testing.assert_allclose(
            found,
            gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta,
            atol=1e-5,
        )
    for weight, value in zip(ours.weights, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), value)


@pytest.mark.parametrize(
    "policy, tolerance", [("mixed_bfloat16", 0.05), ("mixed_float16", 0.01)]
)
def test_half_precision_outputs_and_float32_statistics(policy, tolerance):
    half, _ = pair(dtype=policy)
    exact, _ = pair()
    for x in batches():
        x = ops.convert_to_numpy(
            ops.cast(ops.cast(x, half.compute_dtype), "float32")
        )
        found = half(ops.convert_to_tensor(x), training=True)
        dtype = keras.backend.standardize_dtype(found.dtype)
        assert dtype == half.compute_dtype
        np.testing.assert_allclose(
            ops.convert_to_numpy(ops.cast(found, "float32")),
            outputs(exact, x, training=True),
            atol=tolerance,
        )
    assert {w.dtype for w in half.weights} == {"float32"}
    # From half inputs, but computed and kept in float32.
    assert_same_weights(half, exact, rtol=1e-4)


def test_frozen_it_uses_and_keeps_the_moving_statistics():
    ours, theirs = pair()
    ours.trainable = theirs.trainable = False
    before = [ops.convert_to_numpy(w).copy() for w in ours.weights]
    (x,) = batches(1)
    found = outputs(ours, x, training=True)
    np.testing.assert_allclose(
        found, outputs(theirs, x, training=True), atol=1e-5
    )
    np.testing.assert_allclose(
        found, outputs(ours, x, training=False), atol=1e-6
    )
    for weight, value in zip(ours.weights, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), value)


@pytest.mark.parametrize(
    "shape, options",
    [
        ((8, 3), {}),
        ((4, 5, 3), {}),
        (SHAPE, {"axis": 1}),
        (SHAPE, {"scale": False}),
        (SHAPE, {"center": False}),
    ],
)
def test_whatever_cannot_be_fused_is_keras(shape, options):
    ours, theirs = pair(shape, **options)
    for x in batches(shape=shape):
        np.testing.assert_allclose(
            outputs(ours, x, training=True),
            outputs(theirs, x, training=True),
            atol=1e-5,
        )
    assert_same_weights(ours, theirs, rtol=1e-5)


def test_weights_go_to_keras_and_back():
    ours, theirs = pair()[0], keras_layer()
    theirs.build(SHAPE)
    theirs.set_weights(ours.get_weights())
    (x,) = batches(1)
    np.testing.assert_allclose(
        outputs(theirs, x, training=False),
        outputs(ours, x, training=False),
        atol=1e-6,
    )
    again = FusedBatchNorm()
    again.build(SHAPE)
    again.set_weights(theirs.get_weights())
    assert_same_weights(ours, again, rtol=0)


def test_weight_files_give_the_same_layer_back(tmp_path):
    def model(layer):
        return keras.Sequential([keras.Input(SHAPE[1:]), layer])

    ours, again = pair()[0], FusedBatchNorm()
    model(ours).save_weights(tmp_path / "bn.weights.h5")
    model(again).load_weights(tmp_path / "bn.weights.h5")
    assert_same_weights(ours, again, rtol=0)


def test_config_round_trip():
    layer = FusedBatchNorm(
        momentum=0.8, epsilon=1e-4, gamma_initializer="zeros", name="bn"
    )
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is FusedBatchNorm
    assert again.get_config() == layer.get_config()
    again.build(SHAPE)
    np.testing.assert_array_equal(ops.convert_to_numpy(again.gamma), 0)
    assert (again.momentum, again.epsilon) == (0.8, 1e-4)


@on_tensorflow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_training_on_tensorflow_is_the_fused_op(training, policy):
    import tensorflow as tf

    layer, _ = pair(dtype=policy)
    traced = tf.function(lambda x: layer(x, training=training))
    graph = traced.get_concrete_function(tf.TensorSpec(SHAPE)).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count("FusedBatchNormV3") == int(training)
    # Nothing else passes over the activations of a training batch.
    assert not training or not {"Mean", "SquaredDifference"} & set(kinds)
