import pytest

from kerastricks.schedules import Constant, Warmup

pytestmark = pytest.mark.traced


def test_every_step():
    for step in (0, 1, 7, 10**6):
        assert float(Constant(0.25)(step)) == 0.25


def test_behind_a_warmup():
    schedule = Warmup(Constant(0.5), steps=2)
    assert [float(schedule(step)) for step in range(4)] == [0.25, 0.5, 0.5, 0.5]
