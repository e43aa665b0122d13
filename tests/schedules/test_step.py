import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.schedules import MultiStep, Step

pytestmark = pytest.mark.traced

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    def compiled(function):
        return tf.function(function, jit_compile=True)
else:
    import jax

    compiled = jax.jit


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.5),
        (1, 0.5),
        (29, 0.5),  # the last of the first thirty
        (30, 0.05),
        (59, 0.05),
        (60, 0.005),
        (89, 0.005),
        (90, 0.0005),
    ],
)
def test_a_tenth_every_thirty(step, rate):
    schedule = Step(0.5, every=30)
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("every", [3, 7, 30, 6257])
def test_every_boundary_of_a_long_run(every):
    falls = compiled(lambda step: Step(1.0, every, rate=0.5)(step))
    last = min(2_000_000, 100 * every)  # .5 ** 100 is a float32 yet
    bounds = np.arange(every, last, every)
    steps = np.concatenate([bounds - 1, bounds]).astype(np.int32)
    found = ops.convert_to_numpy(falls(ops.convert_to_tensor(steps)))
    np.testing.assert_array_equal(
        np.round(np.log2(found)), -(steps // every).astype(float)
    )


def test_rate_one_never_falls():
    assert float(Step(0.3, every=2, rate=1.0)(10**6)) == np.float32(0.3)


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 2.0),
        (2, 2.0),
        (3, 1.0),  # a milestone has the new rate
        (9, 1.0),
        (10, 0.5),
        (11, 0.25),
        (10**6, 0.25),
    ],
)
def test_milestones(step, rate):
    schedule = MultiStep(2.0, milestones=[3, 10, 11], rate=0.5)
    assert float(schedule(step)) == rate


def test_milestones_in_a_tuple_and_none():
    assert float(MultiStep(2.0, (1,))(1)) == pytest.approx(0.2)
    assert float(MultiStep(2.0, [])(10**6)) == 2.0


def test_bad_arguments():
    with pytest.raises(ValueError, match="every must be at least 1.*every=0"):
        Step(0.1, every=0)
    with pytest.raises(ValueError, match="rate must be at least 0.*rate=-1"):
        Step(0.1, every=3, rate=-1)
    for bad in ([3, 2], [3, 3], [0, 3]):
        with pytest.raises(ValueError, match="milestones must be steps above"):
            MultiStep(0.1, bad)
    with pytest.raises(ValueError, match="rate must be at least 0.*rate=-1"):
        MultiStep(0.1, [3], rate=-1)
