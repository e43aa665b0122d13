import math

import numpy as np
import pytest

from kerastricks.evaluation import calibration, fit_temperature
from kerastricks.evaluation.metrics import cross_entropy
from kerastricks.evaluation.multi_label import binary_cross_entropy


def unsure(score, share, count=400):
    """Rows that all say `score` for class 0, right in a share of them."""
    labels = (np.arange(count) >= share * count).astype(int)
    return np.tile([score, 0.0], (count, 1)), labels


def test_two_classes_by_hand():
    """p = 1 / (1 + exp(-3 / T)) is best at the share 3/4: T = 3 / ln 3."""
    logits, labels = unsure(3.0, 0.75)
    assert fit_temperature(logits, labels) == pytest.approx(
        3 / math.log(3), rel=1e-8
    )
    logits, labels = unsure(0.2, 0.9)
    assert fit_temperature(logits, labels) == pytest.approx(
        0.2 / math.log(9), rel=1e-8
    )


def test_sigmoids_by_hand():
    """Classes say 3 and are right in 3/4, or -3 and are right in 3/4."""
    logits = np.tile([3.0, -3.0], (4, 1))
    labels = np.array([[1, 0], [1, 0], [1, 1], [0, 0]])
    assert fit_temperature(logits, labels) == pytest.approx(
        3 / math.log(3), rel=1e-8
    )


CHUNK = 10_000


def noisy(count=5000, classes=7, several=False):
    random = np.random.RandomState(0)
    labels = random.randint(0, classes, count)
    logits = random.normal(0, 3, (count, classes))
    logits[np.arange(count), labels] += 4
    if several:
        return logits, (random.uniform(size=logits.shape) < 0.4).astype(int)
    return logits, labels


@pytest.mark.parametrize(
    "loss, several", [(cross_entropy, False), (binary_cross_entropy, True)]
)
def test_no_other_temperature_is_better(loss, several, monkeypatch):
    """Golden section, which knows no derivatives; several chunks of rows."""
    monkeypatch.setattr(calibration, "CHUNK", CHUNK)
    logits, labels = noisy(several=several)
    assert logits.size > 2 * CHUNK
    if several:
        logits = np.where(labels > 0, 1, -1) + logits
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(
        golden_section(lambda t: loss(logits / t, labels).mean()), rel=1e-6
    )
    assert fit_temperature(7 * logits, labels) == pytest.approx(7 * found)
    assert fit_temperature(logits / found, labels) == pytest.approx(1)


def golden_section(loss):
    low, high = math.log(0.01), math.log(100)
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(50):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(math.exp(left)) < loss(math.exp(right)):
            high = right
        else:
            low = left
    return math.exp(low)


def test_what_is_always_right_says_nothing():
    logits, labels = unsure(3.0, 1.0)
    assert fit_temperature(logits, labels) == 1
    assert fit_temperature(np.zeros((4, 3)), np.array([0, 1, 2, 0])) == 1
    assert fit_temperature(logits, np.tile([1, 0], (400, 1))) == 1


def test_the_range_has_ends():
    worse_than_chance = unsure(3.0, 0.25)
    assert fit_temperature(*worse_than_chance) == pytest.approx(100)
    far_too_unsure = unsure(1e-3, 0.75)
    assert fit_temperature(*far_too_unsure) == pytest.approx(0.01)
    far_too_sure = unsure(90.0, 0.75)
    assert fit_temperature(*far_too_sure) == pytest.approx(90 / math.log(3))
    beyond = unsure(1e6, 0.75)
    assert fit_temperature(*beyond) == pytest.approx(100)


def test_rows_that_are_no_numbers_are_left_out():
    logits, labels = unsure(3.0, 0.75)
    broken = np.array([[math.nan, 1], [math.inf, 1], [0, -math.inf]])
    found = fit_temperature(
        np.concatenate([broken, logits]), np.append([0, 1, 0], labels)
    )
    assert found == pytest.approx(3 / math.log(3))
    assert fit_temperature(broken, np.array([0, 1, 0])) == 1


def test_float32_logits_are_fitted_in_float64():
    logits, labels = noisy(500)
    exact = logits.astype(np.float32)
    assert fit_temperature(exact, labels) == fit_temperature(
        exact.astype(np.float64), labels
    )


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"labels.shape=\(3,\)"):
        fit_temperature(np.zeros((2, 2)), np.zeros(3, int))
    with pytest.raises(ValueError, match="max=2"):
        fit_temperature(np.zeros((2, 2)), np.full((2, 2), 2))
