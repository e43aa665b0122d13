import pytest

from kerastricks.schedules import Exponential

pytestmark = pytest.mark.traced


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.8),
        (1, 0.4),
        (2, 0.2),
        (3, 0.1),
        (4, 0.05),
        (5, 0.05),
        (10**6, 0.05),
    ],
)
def test_half_at_every_step(step, rate):
    schedule = Exponential(0.8, steps=4, end=0.05)
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)


def test_sweep_upwards():
    schedule = Exponential(1e-7, steps=8, end=10.0)
    for step in range(9):
        assert float(schedule(step)) == pytest.approx(
            10.0 ** (step - 7), rel=2e-6
        )


def test_rate_an_epoch():
    # .97 an epoch of 5 steps, for 10 epochs.
    schedule = Exponential(0.1, steps=50, end=0.1 * 0.97**10)
    assert float(schedule(20)) == pytest.approx(0.1 * 0.97**4, rel=1e-6)


def test_bad_arguments():
    message = "peak and end must be above 0.*peak=0.1, end=0.0"
    with pytest.raises(ValueError, match=message):
        Exponential(0.1, steps=3, end=0.0)
    with pytest.raises(ValueError, match="must be above 0.*peak=0"):
        Exponential(0, steps=3, end=0.1)
    with pytest.raises(ValueError, match="steps must be at least 1.*steps=0"):
        Exponential(0.1, steps=0, end=0.1)
