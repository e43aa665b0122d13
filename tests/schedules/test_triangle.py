import numpy as np
import pytest

from kerastricks.schedules import Triangle

pytestmark = pytest.mark.traced


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.4),
        (1, 1.2),
        (2, 2.0),
        (5, 1.07),  # halfway between 2 and .14
        (8, 0.14),
        (9, 0.14),
        (10**6, 0.14),
    ],
)
def test_by_hand(step, rate):
    schedule = Triangle(2.0, steps=8, pct_start=0.25)
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("steps", [1, 3, 97, 1000])
def test_as_airbench(steps):
    expected = np.interp(
        np.arange(steps + 1), [0, int(0.23 * steps), steps], [0.2, 1, 0.07]
    )
    schedule = Triangle(1.0, steps=steps)
    # Where nothing rises, np.interp and this begin at the peak alike.
    found = [float(schedule(step)) for step in range(steps + 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_bad_arguments():
    with pytest.raises(ValueError, match="steps must be at least 1.*steps=0"):
        Triangle(0.1, steps=0)
    with pytest.raises(ValueError, match="between 0 and 1.*pct_start=0"):
        Triangle(0.1, steps=3, pct_start=0)
    with pytest.raises(ValueError, match="start must be at least 0.*start=-1"):
        Triangle(0.1, steps=3, start=-1)
