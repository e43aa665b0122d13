import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.optimizers import (
    SGD,
    AdaBound,
    Adam,
    AdamW,
    Lamb,
    Lars,
    Lion,
    Lookahead,
    Muon,
    RMSprop,
)
from kerastricks.schedules import Cosine

pytestmark = pytest.mark.traced

SHAPES = {
    "kernel": (3, 3, 2, 4),
    "matrix": (4, 6),
    "head": (6, 3),
    "bias": (3,),
}
MAKERS = {
    "sgd": lambda **k: SGD(momentum=0.9, nesterov=True, **k),
    "mxnet": lambda **k: SGD(momentum=0.9, semantics="mxnet", **k),
    "decoupled": lambda **k: SGD(momentum=0.9, semantics="decoupled", **k),
    "adam": lambda **k: Adam(**k),
    "adamw": lambda **k: AdamW(**k),
    "rmsprop": lambda **k: RMSprop(momentum=0.9, centered=True, **k),
    "lion": lambda **k: Lion(**k),
    "adabound": lambda **k: AdaBound(base_lr=0.01, amsbound=True, **k),
    "lars": lambda **k: Lars(trust_coefficient=0.1, **k),
    "lamb": lambda **k: Lamb(**k),
    "muon": lambda **k: Muon(**k),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def looking_ahead(make):
    return lambda **options: Lookahead(make(**options), steps=3)


WITH_LOOKAHEAD = MAKERS | {
    "lookahead": looking_ahead(MAKERS["sgd"]),
    "lookahead_keras": lambda **k: Lookahead(keras.optimizers.AdamW(0.01)),
}
every_and_lookahead = pytest.mark.parametrize(
    "make", WITH_LOOKAHEAD.values(), ids=WITH_LOOKAHEAD
)


def values(seed):
    random = np.random.RandomState(seed)
    return [
        random.normal(size=shape).astype(np.float32)
        for shape in SHAPES.values()
    ]


def variables(start=None):
    start = values(0) if start is None else start
    return [
        keras.Variable(value, name=name)
        for name, value in zip(SHAPES, start, strict=True)
    ]


def read(weights):
    return [ops.convert_to_numpy(weight).copy() for weight in weights]


def run(optimizer, weights, first, last):
    for step in range(first, last):
        gradients = [ops.convert_to_tensor(v) for v in values(100 + step)]
        optimizer.apply(gradients, weights)
    return read(weights)


def moved(optimizer, steps=1):
    """By how much each variable moves."""
    weights = variables()
    optimizer.build(weights)
    return [
        after - before
        for after, before in zip(
            run(optimizer, weights, 0, steps), values(0), strict=True
        )
    ]


def again(optimizer):
    """The same from its own words, by way of JSON."""
    words = json.dumps(keras.saving.serialize_keras_object(optimizer))
    return keras.saving.deserialize_keras_object(json.loads(words))


# State and configuration


@every_and_lookahead
def test_state_goes_on_bit_for_bit(make):
    schedule = Cosine(0.01, steps=20)
    optimizer, weights = make(learning_rate=schedule), variables()
    optimizer.build(weights)
    run(optimizer, weights, 0, 4)
    state, middle = read(optimizer.variables), read(weights)
    straight = run(optimizer, weights, 4, 8)
    other, weights = again(optimizer), variables(middle)
    other.build(weights)
    assert len(other.variables) == len(state)
    other.load_own_variables({str(i): v for i, v in enumerate(state)})
    for one, resumed, old in zip(
        straight, run(other, weights, 4, 8), middle, strict=True
    ):
        np.testing.assert_array_equal(one, resumed)
        assert not np.allclose(one, old)


@every_and_lookahead
def test_config_round_trip_with_schedules(make):
    optimizer = make(learning_rate=Cosine(0.01, steps=20))
    other = again(optimizer)
    assert type(other) is type(optimizer)
    assert other.get_config() == optimizer.get_config()


def test_config_says_what_was_asked_for():
    optimizer = again(
        Muon(
            Cosine(0.02, steps=9),
            momentum=Cosine(0.9, steps=9, end=0.8),
            weight_decay=0.3,
            adam_paths=["head"],
            rate_factors={"bias": 2.0},
        )
    )
    assert float(optimizer.muon_momentum(9)) == pytest.approx(0.8)
    assert (optimizer.decay, optimizer.adam_paths) == (0.3, ["head"])
    assert optimizer.rate_factors == {"bias": 2.0}
    assert optimizer.weight_decay is None  # Keras's own


@every_and_lookahead
def test_slots_are_counted_once(make):
    optimizer = make(learning_rate=0.01)
    optimizer.build(variables())
    found = optimizer.variables
    assert len({id(v) for v in found}) == len(found)
    paths = [v.path for v in found if "slow" in v.path]
    assert len(paths) == (4 if isinstance(optimizer, Lookahead) else 0)


# Learning rates and decay by variable


@every
def test_a_factor_is_a_factor_of_the_step(make):
    factors = {"kernel": 0.5, "head": 0.0, "bias": 3.0}
    plain = moved(make(learning_rate=0.01))
    found = moved(make(learning_rate=0.01, rate_factors=factors))
    for name, one, other in zip(SHAPES, plain, found, strict=True):
        assert np.abs(one).max() > 1e-4
        expected = factors.get(name, 1.0) * one
        np.testing.assert_allclose(other, expected, rtol=1e-5, atol=5e-7)


@every
def test_an_unknown_path_is_an_error(make):
    optimizer = make(learning_rate=0.01, rate_factors={"haed": 0.5})
    with pytest.raises(ValueError, match="Received: rate_factors of haed$"):
        optimizer.build(variables())


@every
def test_decay_spares_what_it_should(make):
    def found(**options):
        return moved(make(learning_rate=0.01, **options), steps=3)

    off = found(weight_decay=0.0, no_bias_decay=True)
    some = found(weight_decay=0.3, no_bias_decay=True)
    all_ = found(weight_decay=0.3, no_bias_decay=False)
    for name, one, other, third in zip(SHAPES, off, some, all_, strict=True):
        spared = name == "bias"
        assert np.allclose(one, other, rtol=1e-6, atol=0) == spared, name
        assert not np.allclose(one, third, rtol=1e-6, atol=0), name


@every
def test_a_constant_schedule_is_the_number(make):
    kinds = {"learning_rate": 0.01}
    number = make(**kinds)
    config = number.get_config()
    constant = keras.saving.serialize_keras_object(Cosine(0.9, 9, end=0.9))
    name = "betas" if "betas" in config else "momentum"
    beta = config["betas"][1] if name == "betas" else None
    options = [
        config | {name: [m, beta] if name == "betas" else m}
        for m in (0.9, constant)
    ]
    one, other = (moved(type(number).from_config(o), 5) for o in options)
    for plain, scheduled in zip(one, other, strict=True):
        np.testing.assert_allclose(scheduled, plain, rtol=2e-5, atol=1e-6)


# Where they run


@every_and_lookahead
def test_stateless_steps_are_the_others(make):
    if keras.backend.backend() != "jax":
        pytest.skip("TensorFlow has none")
    optimizer = make(learning_rate=0.01)
    optimizer.build(variables())
    weights, state = values(0), [v.value for v in optimizer.variables]
    for step in range(4):
        weights, state = optimizer.stateless_apply(
            state, values(100 + step), weights
        )
    assert not np.asarray(optimizer.iterations)
    other = make(learning_rate=0.01)
    before = variables()
    other.build(before)
    expected = run(other, before, 0, 4)
    for one, found in zip(expected, weights, strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-6, atol=1e-6)


def fitted(optimizer, epochs=2, model=None):
    if model is None:
        keras.utils.set_random_seed(0)
        layers = [keras.Input((3,)), keras.layers.Dense(4, "tanh")]
        model = keras.Sequential([*layers, keras.layers.Dense(2)])
    model.compile(optimizer, "mse", jit_compile=False)
    random = np.random.RandomState(0)
    x, y = random.normal(size=(12, 3)), random.normal(size=(12, 2))
    model.fit(x, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("name", ["muon", "lookahead"])
def test_a_saved_model_goes_on_identically(name, tmp_path):
    def make():
        return WITH_LOOKAHEAD[name](learning_rate=Cosine(0.01, 12))

    straight = fitted(make(), epochs=4)
    fitted(make()).save(tmp_path / "model.keras")
    half = keras.saving.load_model(tmp_path / "model.keras")
    resumed = fitted(half.optimizer, model=half)
    for one, other in zip(
        straight.get_weights(), resumed.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["adamw", "lookahead"])
def test_loss_scaling_changes_nothing(name):
    make = WITH_LOOKAHEAD[name]
    scaled = keras.optimizers.LossScaleOptimizer(make(learning_rate=0.01))
    one = fitted(make(learning_rate=0.01)).get_weights()
    other = fitted(scaled).get_weights()
    for plain, found in zip(one, other, strict=True):
        np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-5)


@every
def test_half_precision_variables_are_computed_in_float32(make):
    half = [
        keras.Variable(v, dtype="float16", name=n)
        for n, v in zip(SHAPES, values(0), strict=True)
    ]
    optimizer = make(learning_rate=0.01)
    optimizer.build(half)
    gradients = [ops.cast(v, "float16") for v in values(100)]
    optimizer.apply(gradients, half)
    expected = moved(make(learning_rate=0.01))
    for weight, start, step in zip(half, values(0), expected, strict=True):
        assert weight.dtype == "float16"
        found = ops.convert_to_numpy(weight).astype(np.float32)
        np.testing.assert_allclose(found, start + step, rtol=2e-3, atol=4e-3)


REPLICAS = """
import sys
import numpy as np
import tensorflow as tf

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
sys.path.insert(0, sys.argv[1])
import test_base as t

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
gradients = [tf.constant(v) for v in t.values(100)]

def stepping(optimizer, weights):
    def step():
        optimizer.apply([g / 2 for g in gradients], weights)
    run = tf.function(lambda: strategy.run(step), jit_compile=False)
    for _ in range(4):
        run()

for name, make in t.WITH_LOOKAHEAD.items():
    options = {} if "keras" in name else {"rate_factors": {"bias": 2.0}}
    with strategy.scope():
        two = make(learning_rate=0.01, **options)
        halves = t.variables()
        two.build(halves)
    stepping(two, halves)
    one, whole = make(learning_rate=0.01, **options), t.variables()
    one.build(whole)
    for _ in range(4):
        one.apply(gradients, whole)
    for here, there in zip(whole, halves):
        for local in strategy.experimental_local_results(there.value):
            np.testing.assert_allclose(
                local.numpy(), here.numpy(), rtol=1e-5, atol=1e-5
            )
    print(name)
"""


@pytest.mark.slow
def test_replicas_move_as_one():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("of tf.distribute")
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS, os.path.dirname(__file__)],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )
    assert done.stdout.split() == list(WITH_LOOKAHEAD), done.stderr[-2000:]


# Arguments


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Adam(betas=(1.0, 0.9)), r"in \[0, 1\). Received: betas=1.0"),
        (lambda: Lion(betas=(0.9, -1)), r"in \[0, 1\). Received: betas=-1"),
        (lambda: AdamW(epsilon=-1.0), "epsilon must be at least 0.*=-1.0"),
        (lambda: SGD(weight_decay=-0.1), "weight_decay must be.*=-0.1"),
        (lambda: RMSprop(alpha=1.5), r"alpha must be in \[0, 1\).*alpha=1.5"),
        (lambda: SGD(rate_factors={"a/b": -1}), "a/b must be at.*a/b=-1"),
        (lambda: Muon(scale="both"), "scale must be one of shape, rms.*=both"),
        (
            lambda: AdaBound(Cosine(0.1, 9)),
            "base_lr must be the peak.*base_lr=None",
        ),
        (lambda: AdaBound(gamma=0.0), "gamma must be above 0.*gamma=0.0"),
        (lambda: Lars(trust_coefficient=-1), "trust_coefficient must be at"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
