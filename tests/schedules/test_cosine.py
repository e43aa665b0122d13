import math

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.schedules import Cosine

pytestmark = pytest.mark.traced

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    compiled = tf.function
else:
    import jax

    compiled = jax.jit


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.4),
        (1, 0.4 * (1 + math.cos(math.pi / 8)) / 2),
        (2, 0.4 * (1 + math.sqrt(0.5)) / 2),
        (4, 0.2),
        (6, 0.4 * (1 - math.sqrt(0.5)) / 2),
        (7, 0.4 * (1 + math.cos(7 * math.pi / 8)) / 2),
        (8, 0.0),
        (9, 0.0),
        (10**6, 0.0),
    ],
)
def test_eight_steps_by_hand(step, rate):
    assert float(Cosine(0.4, steps=8)(step)) == pytest.approx(rate, abs=1e-7)


@pytest.mark.parametrize("step, rate", [(0, 1.0), (2, 0.9), (4, 0.8), (5, 0.8)])
def test_it_falls_to_end_and_stays(step, rate):
    schedule = Cosine(1.0, steps=4, end=0.8)
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)


def test_every_step_of_a_run_falls():
    schedule = Cosine(1.0, steps=1000)
    steps = np.arange(1001)
    found = ops.convert_to_numpy(schedule(steps))
    np.testing.assert_allclose(
        found, 0.5 * (1 + np.cos(np.pi * steps / 1000)), atol=1e-6
    )
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize(
    "step", [3, 3.0, np.int64(3), np.float32(3), np.array(3, np.int32)]
)
def test_any_kind_of_step(step):
    expected = (1 + math.cos(3 * math.pi / 10)) / 2
    found = Cosine(1.0, steps=10)(step)
    assert float(found) == pytest.approx(expected, rel=1e-6)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"


def test_compiled():
    schedule = Cosine(0.4, steps=8)
    traced = compiled(lambda step: schedule(step))
    for step in (0, 4, 9):
        found = float(traced(ops.convert_to_tensor(step, "int32")))
        assert found == pytest.approx(float(schedule(step)), abs=1e-7)


def test_an_optimizer_reads_it():
    optimizer = keras.optimizers.SGD(Cosine(0.4, steps=8))
    weight = keras.Variable(np.zeros(1, np.float32))
    optimizer.build([weight])
    for _ in range(4):
        optimizer.apply([ops.ones(1)], [weight])
    rate = float(ops.convert_to_numpy(optimizer.learning_rate))
    assert rate == pytest.approx(0.2, rel=1e-6)
    total = sum(float(Cosine(0.4, steps=8)(step)) for step in range(4))
    assert float(weight.value[0]) == pytest.approx(-total, rel=1e-6)


def test_config_round_trip():
    schedule = Cosine(0.4, steps=8, end=0.1)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    assert again.get_config() == {"peak": 0.4, "steps": 8, "end": 0.1}
    assert float(again(3)) == float(schedule(3))


def test_bad_steps():
    with pytest.raises(ValueError, match="steps must be at least 1.*steps=0"):
        Cosine(0.1, steps=0)
