import math

import pytest

from kerastricks.schedules import Tanh

pytestmark = pytest.mark.traced


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, (1 - math.tanh(-7)) / 2),
        (1, (1 - math.tanh(-6)) / 2),
        (6, (1 - math.tanh(-1)) / 2),
        (7, 0.5),
        (9, (1 - math.tanh(2)) / 2),
        (10, 0.0),
        (10**6, 0.0),
    ],
)
def test_timms_bounds(step, rate):
    found = float(Tanh(1.0, steps=10)(step))
    assert found == pytest.approx(rate, rel=1e-6, abs=1e-7)


def test_between_peak_and_end():
    schedule = Tanh(0.9, steps=4, end=0.1, lower=-2.0, upper=2.0)
    assert float(schedule(2)) == pytest.approx(0.5, rel=1e-6)
    assert float(schedule(4)) == pytest.approx(0.1, rel=1e-6)


def test_bad_bounds():
    with pytest.raises(ValueError, match="below upper.*lower=3, upper=-7"):
        Tanh(0.1, steps=3, lower=3, upper=-7)
