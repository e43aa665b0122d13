import math

import numpy as np
import pytest

from kerastricks.schedules import OneCycle, OneCycleMomentum

pytestmark = pytest.mark.traced


def fastai(step, steps, pct, start, middle, end):
    """combined_cos at a step, from its definition."""

    def cosine(a, b, done):
        return a + (1 + math.cos(math.pi * (1 - done))) * (b - a) / 2

    done = min(step / steps, 1.0)
    if done < pct:
        return cosine(start, middle, done / pct)
    return cosine(middle, end, (done - pct) / (1 - pct))


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.04),
        (1, 0.52),  # halfway between .04 and 1
        (2, 1.0),
        (5, 0.505),  # halfway between 1 and .01
        (8, 0.01),
        (9, 0.01),
        (10**6, 0.01),
    ],
)
def test_by_hand(step, rate):
    schedule = OneCycle(1.0, steps=8, div_final=100.0)
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)


def test_as_fastai_with_its_defaults():
    schedule = OneCycle(0.3, steps=37)
    found = [float(schedule(step)) for step in range(40)]
    expected = [
        fastai(step, 37, 0.25, 0.3 / 25, 0.3, 0.3 / 1e5) for step in range(40)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=5e-8)


@pytest.mark.parametrize(
    "step, momentum",
    [(0, 0.95), (1, 0.9), (2, 0.85), (5, 0.9), (8, 0.95), (10**6, 0.95)],
)
def test_momentum_by_hand(step, momentum):
    schedule = OneCycleMomentum(steps=8)
    assert float(schedule(step)) == pytest.approx(momentum, rel=1e-6)


def test_momentum_is_lowest_where_the_rate_is_highest():
    rates = [float(OneCycle(1.0, 40, 0.3)(step)) for step in range(41)]
    momenta = [float(OneCycleMomentum(40, 0.3)(step)) for step in range(41)]
    assert np.argmax(rates) == np.argmin(momenta) == 12


def test_bad_arguments():
    for made in (
        lambda: OneCycle(1.0, steps=8, pct_start=1.0),
        lambda: OneCycleMomentum(steps=8, pct_start=1.0),
    ):
        with pytest.raises(ValueError, match="between 0 and 1.*pct_start=1.0"):
            made()
    with pytest.raises(ValueError, match="div must be at least 1.*div=0"):
        OneCycle(1.0, steps=8, div=0)
    message = "0 <= low <= high < 1.*low=0.95, high=0.85"
    with pytest.raises(ValueError, match=message):
        OneCycleMomentum(steps=8, high=0.85, low=0.95)
