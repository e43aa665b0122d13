import keras
import numpy as np
import pytest

from kerastricks.schedules import Constant, Cosine, Paced, Warmup

pytestmark = pytest.mark.traced


def at(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_equal_epochs_give_the_schedule_itself():
    schedule = Warmup(Cosine(0.4, 37), 5)
    paced = Paced(schedule, 6, [(0, 0, 6, 1.0), (12, 2, 6, 1.0)])
    steps = range(50)
    assert at(paced, steps) == at(schedule, steps)


def test_by_hand():
    # Made for 4 steps an epoch: epochs 0 and 1 have 2, then 8, then 3.
    line = Cosine(1.0, 40)
    paced = Paced(line, 4, [(0, 0, 2, 2.0), (4, 2, 8, 0.5), (12, 3, 3, 1.0)])
    places = {0: 0, 1: 2, 2: 4, 3: 6, 4: 8, 5: 8, 6: 9, 11: 11, 12: 12, 13: 13}
    places |= {14: 14, 15: 16, 16: 17}
    factors = [2.0] * 4 + [0.5] * 8 + [1.0] * 9
    for step, place in places.items():
        expected = factors[step] * float(line(place))
        assert float(paced(step)) == pytest.approx(expected, rel=1e-6)


def test_long_runs_stay_within_whole_numbers():
    # ImageNet, batch 256, epoch 599 of 600: 3 million steps, 5,004 an epoch.
    paced = Paced(Cosine(1.0, 600 * 5004), 5004, [(0, 0, 2502, 1.0)])
    step = 599 * 2502 + 2501
    share = (599 * 5004 + 2501 * 5004 // 2502) / (600 * 5004)
    expected = (1 + np.cos(np.pi * share)) / 2
    assert float(paced(step)) == pytest.approx(expected, abs=1e-6)


def test_in_an_optimizer_and_through_its_config():
    paced = Paced(Constant(0.5), 4, [(0, 0, 2, 2.0), (2, 1, 4, 1.0)])
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(paced)
    )
    assert (
        at(copy, range(6)) == at(paced, range(6)) == [1, 1, 0.5, 0.5, 0.5, 0.5]
    )


@pytest.mark.parametrize("starts", [[1], [0, 3, 3], [0, 5, 4]])
def test_stretches_out_of_order(starts):
    with pytest.raises(ValueError, match=r"begin at step 0.*Received: first"):
        Paced(Constant(1.0), 4, [(start, 0, 4, 1.0) for start in starts])
