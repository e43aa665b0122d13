import json
import pathlib

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.optimizers import SGD
from kerastricks.schedules import Cosine

pytestmark = pytest.mark.traced

# Made by tools/golden_sgd.py.
GOLDEN = json.loads(
    pathlib.Path(__file__).with_name("golden_sgd.json").read_text()
)
RATES, NOISE, START = (
    np.array(GOLDEN[name]) for name in ("learning_rates", "noise", "start")
)
STEPS = len(RATES)
SETTINGS = [
    {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
    for momentum, nesterov in ((0.0, False), (0.9, False), (0.9, True))
    for decay in (0.0, 0.05)
]


def name(settings):
    """plain-0.0, momentum-0.05, nesterov-0.0, ..."""
    kind = "momentum" if settings["momentum"] else "plain"
    kind = "nesterov" if settings["nesterov"] else kind
    return f"{kind}-{settings['weight_decay']}"


@keras.saving.register_keras_serializable("tests")
class Golden(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each of the golden file's steps."""

    def __call__(self, step):
        rates = ops.convert_to_tensor(RATES.astype(np.float32))
        return ops.take(rates, ops.cast(step, "int32"))

    def get_config(self):
        return {}


def variable(value):
    return keras.Variable(np.asarray(value, np.float32))


def trajectory(optimizer, steps=STEPS):
    """The weights [steps, 2, 2] after each of the golden file's steps."""
    weights = variable(START)
    optimizer.build([weights])
    found = []
    for step in range(steps):
        values = ops.convert_to_numpy(weights)
        gradient = (NOISE[step] + GOLDEN["pull"] * values).astype(np.float32)
        optimizer.apply([ops.convert_to_tensor(gradient)], [weights])
        found.append(ops.convert_to_numpy(weights).copy())
    return np.array(found)


def by_hand(semantics, momentum, nesterov, weight_decay):
    """The definitions in double precision."""
    weights, velocity, found = START.astype(float), np.zeros((2, 2)), []
    for rate, noise in zip(RATES, NOISE, strict=True):
        gradient = noise + GOLDEN["pull"] * weights
        if semantics == "decoupled":
            weights = weights * (1 - rate * weight_decay)
        else:
            gradient = gradient + weight_decay * weights
        inside = rate if semantics == "mxnet" else 1  # the rate, in the buffer
        velocity = momentum * velocity + inside * gradient
        step = velocity
        if nesterov:
            step = inside * gradient + momentum * velocity
        weights = weights - rate / inside * step
        found.append(weights)
    return np.array(found)


def close(found, expected):
    """To 1e-6 of the weights' size, which is one."""
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=name)
def test_torch_to_the_sixth_digit(case):
    settings = {key: case[key] for key in SETTINGS[0]}
    found = trajectory(SGD(Golden(), **settings))
    expected = np.array(case["weights"])
    assert np.abs(expected[-1] - START).max() > 0.5
    close(found, expected)


def test_the_golden_file_holds_every_setting():
    found = [
        {key: case[key] for key in SETTINGS[0]} for case in GOLDEN["cases"]
    ]
    assert found == SETTINGS


@pytest.mark.parametrize("semantics", ["torch", "mxnet", "decoupled"])
@pytest.mark.parametrize("settings", SETTINGS, ids=name)
def test_every_semantics_equals_its_definition(semantics, settings):
    found = trajectory(SGD(Golden(), semantics=semantics, **settings))
    close(found, by_hand(semantics, **settings))


@pytest.mark.parametrize("nesterov", [False, True])
def test_without_decay_mxnet_is_keras_own(nesterov):
    ours = SGD(Golden(), 0.9, nesterov, semantics="mxnet")
    theirs = keras.optimizers.SGD(Golden(), 0.9, nesterov)
    close(trajectory(ours), trajectory(theirs))


def test_semantics_agree_until_the_learning_rate_changes():
    runs = {
        semantics: trajectory(SGD(0.05, 0.9, True, 0.05, semantics), steps=20)
        for semantics in ("torch", "mxnet")
    }
    close(runs["torch"], runs["mxnet"])
    changing = [
        trajectory(SGD(Golden(), 0.9, True, 0.05, semantics))
        for semantics in ("torch", "mxnet", "decoupled")
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(changing[one] - changing[other]).max() > 0.01


def test_two_steps_by_hand():
    weights = variable([[1.0]])
    optimizer = SGD(0.1, momentum=0.5, nesterov=True, weight_decay=0.1)
    optimizer.build([weights])
    optimizer.apply([ops.ones((1, 1))], [weights])
    # g = 1.1, v = 1.1, w = 1 - .1 (1.1 + .55)
    close(ops.convert_to_numpy(weights), [[0.835]])
    optimizer.apply([ops.ones((1, 1))], [weights])
    # g = 1.0835, v = .55 + 1.0835, w = .835 - .1 (1.0835 + .81675)
    close(ops.convert_to_numpy(weights), [[0.644975]])


def test_without_momentum_there_is_no_velocity():
    optimizer = SGD(0.1, momentum=0.0)
    optimizer.build([variable(START)])
    names = [v.path for v in optimizer.variables]
    assert not [name for name in names if "velocity" in name]


@pytest.mark.parametrize("semantics", ["torch", "mxnet", "decoupled"])
def test_no_bias_decay_spares_variables_of_one_dimension(semantics):
    matrix, vector, scalar = variable([[2.0]]), variable([2.0]), variable(2.0)
    weights = [matrix, vector, scalar]
    zeros = [ops.zeros(w.shape) for w in weights]

    def decayed(no_bias_decay):
        for weight in weights:
            weight.assign(ops.full(weight.shape, 2.0))
        optimizer = SGD(
            0.1,
            weight_decay=0.5,
            semantics=semantics,
            no_bias_decay=no_bias_decay,
        )
        optimizer.build(weights)
        optimizer.apply(zeros, weights)
        return [float(np.ravel(ops.convert_to_numpy(w))[0]) for w in weights]

    # 2 - .1 * .5 * 2
    np.testing.assert_allclose(decayed(False), [1.9, 1.9, 1.9], rtol=1e-6)
    np.testing.assert_allclose(decayed(True), [1.9, 2.0, 2.0], rtol=1e-6)


def tiny_model(optimizer, seed=0, **options):
    """Least squares of 12 samples, compiled."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer, "mse", jit_compile=False, **options)
    return model


def fit(model, epochs):
    random = np.random.RandomState(0)
    x, y = random.normal(size=(12, 3)), random.normal(size=(12, 2))
    model.fit(x, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)
    return [v.copy() for v in model.get_weights()]


def make_optimizer():
    return SGD(
        Cosine(0.1, steps=12),
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-2,
        no_bias_decay=True,
    )


def test_a_saved_run_goes_on_identically(tmp_path):
    straight = fit(tiny_model(make_optimizer()), epochs=4)
    model = tiny_model(make_optimizer())
    half = fit(model, epochs=2)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is SGD
    again.compile(again.optimizer, "mse", jit_compile=False)
    found = fit(again, epochs=2)
    for one, other, before in zip(found, straight, half, strict=True):
        np.testing.assert_array_equal(one, other)
        assert not np.allclose(one, before)


def test_config_round_trip():
    optimizer = make_optimizer()
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert again.get_config() == optimizer.get_config()
    assert (again.momentum, again.nesterov) == (0.9, True)
    assert (again.decay, again.semantics) == (1e-2, "torch")
    assert again.no_bias_decay
    assert again.weight_decay is None  # Keras's own, decoupled one


def test_loss_scaling_changes_nothing():
    scaled = keras.optimizers.LossScaleOptimizer(make_optimizer())
    for one, other in zip(
        fit(tiny_model(make_optimizer()), epochs=2),
        fit(tiny_model(scaled), epochs=2),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_loss_scaling_skips_overflows():
    optimizer = keras.optimizers.LossScaleOptimizer(make_optimizer())
    model = tiny_model(optimizer)
    before = [v.copy() for v in model.get_weights()]
    x = np.full((4, 3), np.inf, np.float32)
    model.fit(x, np.zeros((4, 2)), batch_size=4, verbose=0)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert float(optimizer.dynamic_scale) == 2**14
    assert int(optimizer.inner_optimizer.iterations) == 0


def test_half_precision_variables_keep_their_dtype():
    weights = keras.Variable(np.ones((2, 2)), dtype="float16")
    optimizer = SGD(0.5, momentum=0.5, weight_decay=0.5)
    optimizer.build([weights])
    optimizer.apply([ops.ones((2, 2), "float16")], [weights])
    assert weights.dtype == "float16"
    # 1 - .5 * (1 + .5), exact in float16
    np.testing.assert_array_equal(ops.convert_to_numpy(weights), 0.25)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"semantics": "keras"}, "must be one of torch, .*semantics=keras"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\).*momentum=1.0"),
        ({"momentum": -0.1}, r"momentum must be in \[0, 1\).*momentum=-0.1"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        SGD(0.1, **options)
