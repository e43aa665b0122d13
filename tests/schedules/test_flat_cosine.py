import pytest

from kerastricks.schedules import Cosine, FlatCosine

pytestmark = pytest.mark.traced


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 1.0),
        (1, 1.0),
        (6, 1.0),  # the last of the flat part
        (7, 0.1 + 0.9 * (1 + 0.5**0.5) / 2),
        (8, 0.55),
        (10, 0.1),
        (11, 0.1),
        (10**6, 0.1),
    ],
)
def test_by_hand(step, rate):
    schedule = FlatCosine(1.0, steps=10, flat=0.6, end=0.1)
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)


def test_the_default_is_rangers():
    schedule = FlatCosine(1.0, steps=100)
    assert float(schedule(72)) == 1.0 > float(schedule(73))


def test_never_flat_is_a_cosine():
    for step in (0, 3, 8, 9):
        found = float(FlatCosine(0.4, steps=8, flat=0.0)(step))
        assert found == float(Cosine(0.4, steps=8)(step))


def test_bad_flat():
    with pytest.raises(ValueError, match="flat must be in .*flat=1.0"):
        FlatCosine(0.1, steps=3, flat=1.0)
