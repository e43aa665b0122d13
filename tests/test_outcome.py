"""What is right, in an outcome, and how wrong the rest is."""

import numpy as np
import pytest

from kerastricks.evaluation import summarize
from kerastricks.outcome import Count, Outcome

NAN = np.nan


@pytest.mark.parametrize(
    "labels",
    [np.array([0, 1, 1, 0]), np.array([[1, 0], [1, 1], [1, 0], [0, 0]])],
    ids=["one", "several"],
)
def test_the_mean_of_right_is_top1_and_of_losses_the_loss(labels):
    logits = np.array([[2.0, 1], [0, 1], [3, 1], [0, 2]])
    outcome = Outcome(logits, labels)
    numbers = summarize(logits, labels)
    assert np.mean(outcome.right) == numbers["top1"]
    assert np.mean(outcome.losses) == pytest.approx(numbers["loss"])
    np.testing.assert_allclose(
        outcome.probabilities_of(2), outcome.probabilities[2]
    )


def test_a_nan_is_wrong():
    logits = np.array([[NAN, NAN], [1, NAN], [1, 0]])
    assert Outcome(logits, np.zeros(3, int)).right.tolist() == [0, 0, 1]


def test_the_truth_that_it_finds_best():
    logits = np.array([[3.0, 1, 2], [3, 1, 2]])
    several = Outcome(logits, np.array([[0, 1, 1], [0, 0, 0]]))
    assert [several.likeliest_truth(i) for i in (0, 1)] == [2, 0]
    assert Outcome(logits, np.array([1, 2])).likeliest_truth(0) == 1


def test_progress_counts_images():
    told = []
    count = Count(5, lambda *both: told.append(both))
    for size in (2, 2, 1):
        count.on_predict_batch_end(0, {"outputs": np.zeros((size, 3))})
    assert told == [(2, 5), (4, 5), (5, 5)]
