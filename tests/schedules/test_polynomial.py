import pytest

from kerastricks.schedules import Linear, Polynomial

pytestmark = pytest.mark.traced


@pytest.mark.parametrize(
    "step, rate",
    [(0, 1.7), (1, 1.0), (2, 0.5), (3, 0.2), (4, 0.1), (5, 0.1), (10**6, 0.1)],
)
def test_square_by_hand(step, rate):
    # .1 + 1.6 * (16, 9, 4, 1, 0) / 16
    schedule = Polynomial(1.7, steps=4, power=2.0, end=0.1)
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("step", [0, 1, 3, 7])
def test_other_powers(step):
    schedule = Polynomial(1.0, steps=8, power=0.9)
    assert float(schedule(step)) == pytest.approx((1 - step / 8) ** 0.9)


@pytest.mark.parametrize(
    "step, rate",
    [(0, 1.0), (1, 0.8), (2, 0.6), (3, 0.4), (4, 0.2), (5, 0.2), (10**6, 0.2)],
)
def test_line_by_hand(step, rate):
    schedule = Linear(1.0, steps=4, end=0.2)
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)
    same = Polynomial(1.0, steps=4, power=1.0, end=0.2)
    assert float(same(step)) == pytest.approx(rate, rel=1e-6)


def test_bad_arguments():
    with pytest.raises(ValueError, match="power must be above 0.*power=0"):
        Polynomial(0.1, steps=3, power=0)
    with pytest.raises(ValueError, match="steps must be at least 1.*steps=0"):
        Linear(0.1, steps=0)
