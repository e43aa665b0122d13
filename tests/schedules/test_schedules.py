"""What holds for every schedule."""

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks import schedules
from kerastricks.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    FlatCosine,
    Linear,
    MultiStep,
    OneCycle,
    OneCycleMomentum,
    Paced,
    Polynomial,
    Step,
    Tanh,
    Triangle,
    Warmup,
    WarmupCosine,
)

pytestmark = pytest.mark.traced

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    def compiled(function):
        return tf.function(function, jit_compile=True)
else:
    import jax

    compiled = jax.jit

ALL = [
    Constant(0.3),
    Cosine(0.4, steps=20, end=0.1),
    CosineRestarts(0.4, first_steps=5, end=0.01),
    CosineRestarts(0.4, first_steps=4, cycle_mult=1.5, peak_mult=0.5),
    Exponential(0.4, steps=20, end=0.004),
    FlatCosine(0.4, steps=20, flat=0.6, end=0.1),
    Linear(0.4, steps=20, end=0.1),
    MultiStep(0.4, milestones=[3, 9, 10], rate=0.2),
    OneCycle(0.4, steps=20, pct_start=0.3, div=10.0, div_final=100.0),
    OneCycleMomentum(steps=20, pct_start=0.3, high=0.9, low=0.8),
    Paced(Linear(0.4, steps=20), 4, [(0, 0, 2, 2.0), (4, 2, 5, 0.8)]),
    Polynomial(0.4, steps=20, power=0.9, end=0.1),
    Step(0.4, every=7, rate=0.2),
    Tanh(0.4, steps=20, end=0.1, lower=-6.0, upper=2.0),
    Triangle(0.4, steps=20, pct_start=0.3, start=0.1, end=0.2),
    Warmup(Step(0.4, every=7), 5, 0.2, kind="constant", inside=True),
    Warmup(Linear(0.4, steps=15), 5, 0.01, kind="exponential"),
    WarmupCosine(0.4, 20, 5, start=0.1, end=0.2),
]
each = pytest.mark.parametrize("schedule", ALL, ids=lambda s: type(s).__name__)


def test_none_is_forgotten():
    public = {getattr(schedules, name) for name in schedules.__all__}
    assert {type(one) for one in ALL} == public


@each
def test_config_round_trip(schedule):
    config = keras.saving.serialize_keras_object(schedule)
    assert config["registered_name"] == f"kerastricks>{type(schedule).__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()
    for step in (0, 3, 4, 11, 30):
        assert float(again(step)) == float(schedule(step))
    # Nothing that its constructor takes is left out.
    assert set(schedule.get_config()) == set(
        type(schedule).__init__.__code__.co_varnames[
            1 : type(schedule).__init__.__code__.co_argcount
        ]
    )


@each
def test_compiled_over_a_run_and_one_by_one(schedule):
    steps = np.arange(45, dtype=np.int32)
    one_by_one = [float(schedule(int(step))) for step in steps]
    for function in (schedule, compiled(lambda step: schedule(step))):
        found = function(ops.convert_to_tensor(steps))
        np.testing.assert_allclose(
            ops.convert_to_numpy(found), one_by_one, rtol=1e-6, atol=1e-7
        )
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    scalar = compiled(lambda step: schedule(step))(
        ops.convert_to_tensor(9, "int32")
    )
    assert float(scalar) == pytest.approx(one_by_one[9], rel=1e-6)
    assert tuple(scalar.shape) == ()


@each
@pytest.mark.parametrize("make", [float, np.int64, np.float32])
def test_any_kind_of_step(schedule, make):
    assert float(schedule(make(9))) == float(schedule(9))


@each
def test_finite_and_still_at_very_large_steps(schedule):
    far = [float(schedule(step)) for step in (1_999_999, 2_000_000)]
    assert np.isfinite(far).all()
    if not isinstance(schedule, CosineRestarts):
        assert far[0] == far[1]


@each
def test_an_optimizer_calls_it_with_its_own_counter(schedule):
    optimizer = keras.optimizers.SGD(schedule)
    weight = keras.Variable(np.zeros(1, np.float32))
    optimizer.build([weight])
    for _ in range(3):
        optimizer.apply([ops.ones(1)], [weight])
    total = sum(float(schedule(step)) for step in range(3))
    assert float(weight.value[0]) == pytest.approx(-total, rel=1e-5)


def test_a_long_run_in_float32():
    steps = 2_000_000
    chosen = np.array([0, 1, 999_999, 1_000_000, 1_999_999, steps], np.int32)
    done = chosen / steps
    for schedule, expected in (
        (Linear(1.0, steps), 1 - done),
        (Cosine(1.0, steps), (1 + np.cos(np.pi * done)) / 2),
        (Exponential(1e-3, steps, end=10.0), 1e-3 * 1e4**done),
    ):
        found = ops.convert_to_numpy(schedule(chosen))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
