import math

import numpy as np
import pytest
from keras import ops

from kerastricks.schedules import Cosine, CosineRestarts

pytestmark = pytest.mark.traced


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_equal_cycles_by_hand():
    schedule = CosineRestarts(0.8, first_steps=4)
    cycle = [0.8, 0.4 + 0.4 * math.sqrt(0.5), 0.4, 0.4 - 0.4 * math.sqrt(0.5)]
    np.testing.assert_allclose(rates(schedule, range(12)), cycle * 3, atol=1e-7)


def test_longer_and_lower_cycles():
    # 3, 6, 12 steps from .8, .4, .2 to .1.
    schedule = CosineRestarts(
        0.8, first_steps=3, cycle_mult=2.0, peak_mult=0.5, end=0.1
    )
    expected = [
        float(Cosine(peak, steps, 0.1)(step))
        for peak, steps in ((0.8, 3), (0.4, 6), (0.2, 12))
        for step in range(steps)
    ]
    np.testing.assert_allclose(rates(schedule, range(21)), expected, rtol=1e-6)
    assert rates(schedule, [0, 3, 9]) == pytest.approx([0.8, 0.4, 0.2])


def test_cycles_are_whole_steps():
    # 5, 7.5 and 11.25 steps.
    schedule = CosineRestarts(1.0, first_steps=5, cycle_mult=1.5)
    assert schedule.lengths()[:3] == [5, 8, 11]
    found = rates(schedule, range(24))
    starts = [step for step, rate in enumerate(found) if rate == 1.0]
    assert starts == [0, 5, 13]


@pytest.mark.parametrize("first, mult", [(7, 2.0), (100, 2.0), (30, 1.0)])
def test_every_restart_of_a_long_run_is_at_the_peak(first, mult):
    # Keras's misses the one at step 57,337 of first_decay_steps=7.
    schedule = CosineRestarts(1.0, first_steps=first, cycle_mult=mult)
    starts, length = [0], first
    while starts[-1] + length < 2_000_000 and len(starts) < 1000:
        starts.append(starts[-1] + length)
        length = round(length * mult)
    restarts = np.array(starts, np.int32)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(schedule(restarts)), np.ones(len(starts))
    )
    before = ops.convert_to_numpy(schedule(restarts[1:] - 1))
    assert (before < 0.06).all()


def test_bad_arguments():
    with pytest.raises(ValueError, match="first_steps must be at least 1"):
        CosineRestarts(0.1, first_steps=0)
    with pytest.raises(ValueError, match="cycle_mult must .*cycle_mult=0.5"):
        CosineRestarts(0.1, first_steps=3, cycle_mult=0.5)
    with pytest.raises(ValueError, match="peak_mult must be at least 0"):
        CosineRestarts(0.1, first_steps=3, peak_mult=-0.5)
