import math

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.schedules import Constant, Cosine, Warmup, WarmupCosine

pytestmark = pytest.mark.traced

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    compiled = tf.function
else:
    import jax

    compiled = jax.jit


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def cosine(done, steps, peak=1.0):
    return peak * (1 + math.cos(math.pi * done / steps)) / 2


def test_warmup_then_cosine_by_hand():
    # 4 steps up to .8, then 8 down: batch i of m has i * peak / m.
    schedule = WarmupCosine(peak=0.8, total_steps=12, warmup_steps=4)
    expected = {
        0: 0.2,
        1: 0.4,
        2: 0.6,
        3: 0.8,  # the last step of warm-up
        4: 0.8,  # the first of the cosine
        5: cosine(1, 8, 0.8),
        8: 0.4,  # its middle
        11: cosine(7, 8, 0.8),  # the last step of the run
        12: 0.0,
        500: 0.0,
    }
    np.testing.assert_allclose(
        rates(schedule, expected), list(expected.values()), atol=1e-7
    )


def test_warmup_from_a_start_to_an_end():
    schedule = WarmupCosine(
        peak=1.0, total_steps=9, warmup_steps=5, start=0.5, end=0.2
    )
    np.testing.assert_allclose(
        rates(schedule, range(11)),
        [0.6, 0.7, 0.8, 0.9, 1.0]
        + [0.2 + 0.8 * cosine(done, 4) for done in range(5)]
        + [0.2],
        rtol=1e-6,
    )


def test_no_warmup_is_the_cosine():
    found = rates(WarmupCosine(0.4, total_steps=8), range(10))
    assert found == rates(Cosine(0.4, steps=8), range(10))


def test_all_warmup():
    schedule = WarmupCosine(0.4, total_steps=4, warmup_steps=4)
    np.testing.assert_allclose(
        rates(schedule, range(4)), [0.1, 0.2, 0.3, 0.4], rtol=1e-6
    )
    assert all(math.isfinite(rate) for rate in rates(schedule, range(4, 9)))


def test_one_step_of_warmup_is_at_the_peak():
    schedule = WarmupCosine(0.4, total_steps=3, warmup_steps=1)
    np.testing.assert_allclose(
        rates(schedule, range(3)), [0.4, 0.4, 0.2], rtol=1e-6
    )


def test_any_schedule_can_follow():
    drop = keras.optimizers.schedules.PiecewiseConstantDecay([3], [2.0, 0.5])
    schedule = Warmup(drop, steps=2, start=1.0)
    # Its step 3 still has the first value; it is this one's step 5.
    np.testing.assert_allclose(
        rates(schedule, range(8)), [1.5, 2, 2, 2, 2, 2, 0.5, 0.5]
    )


def test_exponential_by_hand():
    # From .1 on, times 2 a step, to .8.
    schedule = Warmup(Cosine(0.8, steps=8), 3, start=0.1, kind="exponential")
    np.testing.assert_allclose(
        rates(schedule, range(5)),
        [0.2, 0.4, 0.8, 0.8, cosine(1, 8, 0.8)],
        rtol=1e-6,
    )


def test_constant_by_hand():
    schedule = Warmup(Cosine(0.8, steps=8), 3, start=0.25, kind="constant")
    np.testing.assert_allclose(
        rates(schedule, range(5)),
        [0.25, 0.25, 0.25, 0.8, cosine(1, 8, 0.8)],
        rtol=1e-6,
    )


@pytest.mark.parametrize("kind", ["linear", "exponential", "constant"])
def test_inside_hides_the_first_steps(kind):
    schedule = Warmup(Cosine(0.8, steps=8), 4, 0.05, kind=kind, inside=True)
    delayed = Warmup(Cosine(0.8, steps=8), 4, 0.05, kind=kind)
    assert rates(schedule, range(4)) == rates(delayed, range(4))
    expected = [cosine(step, 8, 0.8) for step in range(4, 9)] + [0.0]
    np.testing.assert_allclose(
        rates(schedule, range(4, 10)), expected, atol=1e-7
    )


def test_warmups_can_be_stacked():
    inner = Warmup(Constant(1.0), steps=2)
    schedule = Warmup(inner, steps=1, start=0.1, kind="constant")
    np.testing.assert_allclose(
        rates(schedule, range(4)), [0.1, 0.5, 1, 1], rtol=1e-6
    )


@pytest.mark.parametrize("make", [int, float, np.int64, np.float32, np.array])
def test_any_kind_of_step(make):
    schedule = WarmupCosine(1.0, total_steps=8, warmup_steps=4)
    np.testing.assert_allclose(
        [float(schedule(make(2))), float(schedule(make(6)))],
        [0.75, 0.5],
        rtol=1e-6,
    )


def test_whole_runs_at_once_and_compiled():
    schedule = WarmupCosine(0.8, total_steps=12, warmup_steps=4, start=0.1)
    expected = rates(schedule, range(14))
    steps = ops.arange(14, dtype="int32")
    for function in (schedule, compiled(lambda step: schedule(step))):
        np.testing.assert_allclose(
            ops.convert_to_numpy(function(steps)), expected, atol=1e-7
        )
    found = [
        float(compiled(lambda step: schedule(step))(ops.convert_to_tensor(i)))
        for i in (3, 4)
    ]
    np.testing.assert_allclose(found, expected[3:5], atol=1e-7)


@pytest.mark.parametrize(
    "schedule",
    [
        Warmup(Cosine(0.4, steps=8, end=0.1), steps=3, start=0.2),
        WarmupCosine(0.4, 11, 3, start=0.2, end=0.1),
    ],
)
def test_config_round_trip(schedule):
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()
    assert rates(again, range(13)) == rates(schedule, range(13))


def test_bad_steps():
    with pytest.raises(ValueError, match="steps must be at least 0.*steps=-1"):
        Warmup(Cosine(0.1, steps=4), steps=-1)
    with pytest.raises(ValueError, match="kind must be one of .*kind=cubic"):
        Warmup(Cosine(0.1, steps=4), steps=1, kind="cubic")
    with pytest.raises(ValueError, match="exponential warm-up .*start=0.0"):
        Warmup(Cosine(0.1, steps=4), steps=1, kind="exponential")
    message = "warmup_steps must not exceed.*warmup_steps=5, total_steps=4"
    with pytest.raises(ValueError, match=message):
        WarmupCosine(0.1, total_steps=4, warmup_steps=5)
