import math

import numpy as np
import pytest

from kerastricks.evaluation import best_thresholds, f1_at, sigmoid
from kerastricks.evaluation.multi_label import label_scores


def logit(chances):
    chances = np.asarray(chances)
    return np.log(chances) - np.log1p(-chances)


def test_one_class_by_hand():
    """Above .3: 2 of 3 claims are right and all are found, F1 = 4/5."""
    logits = logit([[0.2], [0.4], [0.6], [0.8]])
    labels = np.array([[0], [1], [0], [1]])
    found = best_thresholds(logits, labels)
    np.testing.assert_allclose(found, [0.3])
    np.testing.assert_allclose(f1_at(logits, labels, found), [4 / 5])
    np.testing.assert_allclose(f1_at(logits, labels, 0.5), [1 / 2])
    np.testing.assert_allclose(f1_at(logits, labels, 0.7), [2 / 3])


def test_of_equally_good_ones_the_nearest_to_a_half():
    # F1 is 2/3 above .1 (2 of 4 claims right) and above .75 (1 of 1)
    logits = logit([[0.2], [0.3], [0.7], [0.8]])
    labels = np.array([[1], [0], [0], [1]])
    np.testing.assert_allclose(best_thresholds(logits, labels), [0.75])
    apart = best_thresholds(logit([[0.1], [0.98]]), np.array([[0], [1]]))
    np.testing.assert_allclose(apart, [0.54])


def test_a_class_without_images_has_the_usual_threshold():
    logits = logit([[0.2, 0.9], [0.4, 0.9]])
    labels = np.array([[0, 1], [0, 1]])
    found = best_thresholds(logits, labels)
    # all of the second have it: the one place left is below them all
    np.testing.assert_allclose(found, [0.5, 0.45])
    np.testing.assert_allclose(f1_at(logits, labels, found), [0, 1])


def test_no_threshold_is_better():
    random = np.random.RandomState(0)
    logits = random.normal(0, 2, (60, 8)).round(1)  # with equal scores
    labels = (random.uniform(size=logits.shape) < sigmoid(logits - 1)) * 1
    best = f1_at(logits, labels, best_thresholds(logits, labels))
    for threshold in np.linspace(0, 1, 301):
        assert (f1_at(logits, labels, threshold) <= best + 1e-12).all()
    half = label_scores(logits, labels).f1
    np.testing.assert_allclose(f1_at(logits, labels, 0.5), half)
    assert (best > half).any()


def test_neighbouring_floats_and_saturated_ones():
    """Between them is no number, and 1 of a large logit stays claimed."""
    logits = np.array([[0.0], [2e-16], [50.0], [800.0]])
    labels = np.array([[0], [1], [1], [1]])
    scores = sigmoid(logits)[:, 0]
    assert scores[0] < scores[1] and scores[2] == scores[3] == 1
    found = best_thresholds(logits, labels)
    np.testing.assert_array_equal(f1_at(logits, labels, found), [1])
    zero = best_thresholds(np.array([[-800.0], [1.0]]), np.array([[1], [1]]))
    assert 0 <= zero[0] < sigmoid(np.array([1.0]))[0]


def test_nan_is_never_claimed():
    logits = np.array([[math.nan, math.nan], [1.0, math.nan], [-1.0, math.nan]])
    labels = np.array([[1, 1], [1, 0], [0, 0]])
    found = best_thresholds(logits, labels)
    np.testing.assert_allclose(found, [0.5, 0.5])
    np.testing.assert_allclose(f1_at(logits, labels, found), [2 / 3, 0])


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"thresholds.shape=\(3,\), classes=2"):
        f1_at(np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(3))
    with pytest.raises(ValueError, match=r"labels.shape=\(2,\)"):
        best_thresholds(np.zeros((2, 2)), np.zeros(2))
