import json
import os
import subprocess
import sys

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
    for layer in layers:
        layer.build(shape)
    randomize(*layers)
    return layers


def randomize(*alike):
    """Weights for layers or models; the same for all of them."""
    random = np.random.RandomState(1)
    values = [random.uniform(0.5, 2, w.shape) for w in alike[0].weights]
    for one in alike:
        one.set_weights(values)


def outputs(layer, x, training):
    found = layer(ops.convert_to_tensor(x), training=training)
    return ops.convert_to_numpy(ops.cast(found, "float32"))


def gradients(layer, x, upstream, training=True):
    """Of sum(upstream * y) by x and the layer's trainable weights."""
    x, upstream = ops.convert_to_tensor(x), ops.convert_to_tensor(upstream)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = ops.sum(upstream * layer(x, training=training))
        weights = [w.value for w in layer.trainable_variables]
        found = tape.gradient(loss, [x, *weights])
    else:
        import jax

        def loss_of(x, trainable):
            y, _ = layer.stateless_call(
                trainable,
                [w.value for w in layer.non_trainable_variables],
                x,
                training=training,
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


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}], ids=str
)
def test_gradients_equal_keras(training, options):
    (x,) = batches(1)
    upstream = np.random.RandomState(2).normal(size=SHAPE).astype(np.float32)
    ours, theirs = (
        gradients(layer, x, upstream, training) for layer in pair(**options)
    )
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
        (SHAPE, {"renorm": True}),
        (SHAPE, {"scale": False}),
        (SHAPE, {"center": False}),
        (SHAPE, {"scale": False, "center": False}),
    ],
)
def test_whatever_it_is_set_up_to_do_is_keras(shape, options):
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


def network(norm, **options):
    """Two batch norms in it and one in a network within it."""
    inner = keras.Sequential(
        [keras.Input((5, 6, 4)), norm(**options)], name="inner"
    )
    return keras.Sequential(
        [
            keras.Input(SHAPE[1:]),
            norm(**options),
            keras.layers.Conv2D(4, 1),
            norm(**options),
            inner,
        ]
    )


@pytest.mark.parametrize("ours_first", [True, False])
def test_weight_files_go_to_keras_and_back(tmp_path, ours_first):
    kinds = FusedBatchNorm, keras.layers.BatchNormalization
    one, other = (network(kind) for kind in kinds[:: 1 if ours_first else -1])
    randomize(one)
    one.save_weights(tmp_path / "bn.weights.h5")
    other.load_weights(tmp_path / "bn.weights.h5")
    assert_same_weights(one, other, rtol=0)


REGISTERED = "kerastricks>FusedBatchNorm"


@pytest.mark.parametrize("installed", [True, False])
def test_keras_files_open_with_and_without_our_layer(
    tmp_path, monkeypatch, installed
):
    ours = network(FusedBatchNorm, momentum=0.7, epsilon=1e-4)
    randomize(ours)
    ours.save(tmp_path / "bn.keras")
    kind, custom = FusedBatchNorm, None
    if not installed:
        monkeypatch.delitem(keras.saving.get_custom_objects(), REGISTERED)
        kind = keras.layers.BatchNormalization
        custom = {REGISTERED: kind}
    again = keras.saving.load_model(tmp_path / "bn.keras", custom)
    assert type(again.layers[0]) is kind
    assert (again.layers[0].momentum, again.layers[0].epsilon) == (0.7, 1e-4)
    assert_same_weights(ours, again, rtol=0)
    (x,) = batches(1)
    np.testing.assert_allclose(
        outputs(again, x, training=False),
        outputs(ours, x, training=False),
        rtol=1e-5,
        atol=1e-5,
    )


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


def operations(layer, training, dtype="float32"):
    """Kinds of the operations in TensorFlow's graph of a call."""
    import tensorflow as tf

    traced = tf.function(lambda x: layer(x, training=training))
    spec = tf.TensorSpec(SHAPE, dtype)
    graph = traced.get_concrete_function(spec).graph
    return [operation.type for operation in graph.get_operations()]


@on_tensorflow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dtype": "mixed_bfloat16"},
        {"scale": False},
        {"center": False},
        {"synchronized": True},  # on one device
    ],
    ids=str,
)
def test_on_tensorflow_it_is_the_fused_op(training, options):
    kinds = operations(pair(**options)[0], training)
    assert kinds.count("FusedBatchNormV3") == 1
    # Nothing else passes over the activations.
    assert not {"Mean", "SquaredDifference", "Rsqrt"} & set(kinds)


@on_tensorflow
def test_frozen_in_training_it_is_keras_whose_gradient_is_faster():
    layer, _ = pair()
    layer.trainable = False
    assert "FusedBatchNormV3" not in operations(layer, True)
    assert "FusedBatchNormV3" in operations(layer, False)


@on_tensorflow
def test_the_fused_op_has_no_float64():
    ours, theirs = pair(dtype="float64")
    assert "FusedBatchNormV3" not in operations(ours, True, "float64")
    (x,) = batches(1)
    np.testing.assert_allclose(
        outputs(ours, x, training=True), outputs(theirs, x, training=True)
    )


def test_bfloat16_weights_too():
    ours, _ = pair(dtype="bfloat16")
    exact, _ = pair()
    (x,) = batches(1)
    np.testing.assert_allclose(
        outputs(ours, x, training=True),
        outputs(exact, x, training=True),
        atol=0.05,
    )
    assert {w.dtype for w in ours.weights} == {"bfloat16"}
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(ours.moving_variance, "float32")),
        ops.convert_to_numpy(exact.moving_variance),
        rtol=0.01,
    )


def test_synchronized_is_kept_where_it_changes_nothing():
    _, theirs = pair()
    layer = FusedBatchNorm.from_config(
        FusedBatchNorm(synchronized=True).get_config()
    )
    assert layer.get_config()["synchronized"]
    layer.build(SHAPE)
    layer.set_weights(theirs.get_weights())
    (x,) = batches(1)
    np.testing.assert_allclose(
        outputs(layer, x, training=True),
        outputs(theirs, x, training=True),
        atol=1e-5,
    )


REPLICAS = """
import json
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from kerastricks.layers import FusedBatchNorm

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
random = np.random.RandomState(0)
x, upstream = random.normal(1, 2, (2, 8, 3, 3, 2)).astype(np.float32)
x[:4] += 3  # the two halves have little in common
weights = random.uniform(0.5, 2, (4, 2))

def made(**options):
    layer = FusedBatchNorm(**options)
    layer.build(x.shape)
    layer.set_weights(weights)
    return layer

def step(layer, x, upstream):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(y * upstream)
    by = [x, layer.gamma.value, layer.beta.value]
    return [y, *tape.gradient(loss, by)]

def on_replicas(layer):
    half = lambda data: strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(
            np.split(data, 2)[context.replica_id_in_sync_group]
        )
    )
    found = tf.function(
        lambda x, u: strategy.run(step, (layer, x, u))
    )(half(x), half(upstream))
    y, by_x, gamma, beta = map(strategy.experimental_local_results, found)
    return [np.concatenate(y), np.concatenate(by_x), sum(gamma), sum(beta)]

def report(layer, found):
    return [np.asarray(one).tolist() for one in (*found, *layer.get_weights())]

with strategy.scope():
    layers = made(synchronized=True), made()
whole = made()
results = [report(layer, on_replicas(layer)) for layer in layers]
results.append(report(whole, step(whole, *map(tf.constant, (x, upstream)))))
print(json.dumps(results))
"""


@on_tensorflow
def test_synchronized_replicas_equal_the_whole_batch_on_one_device():
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )
    assert done.returncode == 0, done.stderr
    together, apart, whole = json.loads(done.stdout.splitlines()[-1])
    # Output, gradients by x, gamma and beta, and the four weights.
    assert len(together) == len(whole) == 8
    for found, expected in zip(together, whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # Each by its own half is something else.
    assert np.abs(np.subtract(apart[0], whole[0])).max() > 0.5
