"""Whether two tables of probabilities are the same, by hand."""

import types

import numpy as np
import pytest

from kerastricks.errors import RunError
from kerastricks.evaluation import sigmoid, softmax
from kerastricks.serving.compare import check

EXPECTED = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]])


def test_differences_by_hand():
    found = EXPECTED + [[-0.02, 0.01, 0.01], [0, 0, 0]]
    one = check("x", EXPECTED, found, 0.05)
    assert (one.images, one.top1_equal, one.passed) == (2, 2, True)
    assert one.largest == pytest.approx(0.02)
    assert one.mean == pytest.approx(0.01)
    assert not check("x", EXPECTED, found, 0.015).passed


def test_either_of_two_as_good_may_be_best():
    found = EXPECTED + [[0, 0, 0], [-4e-6, 4e-6, 0]]
    one = check("x", EXPECTED, found, 1e-5)
    assert (one.top1_equal, one.passed) == (1, True)
    # Each may come the tolerance nearer to the other: .7 and .2 by .26.
    other = EXPECTED + [[-0.26, 0.26, 0], [0, 0, 0]]
    for tolerance, passed in ((0.255, False), (0.265, True)):
        # Beside three that are the same, as a fourth may be another.
        four = np.tile(EXPECTED, (2, 1))
        found = np.concatenate([other, EXPECTED])
        one = check("x", four, found, tolerance)
        assert (one.top1_equal, one.passed) == (3, passed)


def test_a_nan_matches_nothing():
    gone = EXPECTED * [[np.nan], [1]]
    for one, other in ((gone, EXPECTED), (EXPECTED, gone), (gone, gone)):
        found = check("x", one, other, 1e-5)
        assert (found.largest, found.passed) == (np.inf, False)


def test_other_classes():
    with pytest.raises(RunError, match="x gives 2 probabilities for 3"):
        check("x", EXPECTED, EXPECTED[:, :2], 1)


def test_int8_must_keep_the_best_class_where_all_are_flat():
    """Within .1 any of twelve classes could be best."""
    expected = np.full((20, 12), 1 / 12)
    expected[:, 0] += 0.03
    for wrong, passed in ((2, True), (3, False), (20, False)):
        found = expected.copy()
        found[:wrong] = np.roll(found[:wrong], 1, axis=1)
        one = check("x", expected, found, 0.1)
        assert one.largest == pytest.approx(0.03)
        assert (one.top1_equal, one.passed) == (20 - wrong, passed)
    # Ties may go either way.
    tied = np.full((20, 12), 1 / 12)
    assert check("x", tied, tied + 1e-7 * np.eye(20, 12)[:, ::-1], 0.1).passed


@pytest.mark.parametrize("several", [False, True])
def test_a_high_temperature_hides_nothing(several):
    """Logits that differ by .5: divided by 50, probabilities by .003."""
    logits = np.array([[2.0, 1.0, -1.0]])
    wrong = logits + [[-0.5, 0, 0]]
    activation = sigmoid if several else softmax
    trained = types.SimpleNamespace(temperature=50.0, multi_label=several)
    one = check(
        "x",
        activation(logits / 50),
        activation(wrong / 50),
        0.01,
        trained,
    )
    gap = np.abs(activation(logits) - activation(wrong)).max()
    assert one.largest == pytest.approx(gap, rel=1e-6) and gap > 0.05
    assert not one.passed
    divided = check("x", activation(logits / 50), activation(wrong / 50), 0.01)
    assert divided.passed and divided.largest < 0.01
