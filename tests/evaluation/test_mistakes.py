import math

import numpy as np
import pytest

from kerastricks.evaluation import confused_pairs, most_confused, top_losses

# Losses of the wrong rows: 1 about 5, 3 about 2, 4 about 9.
LOGITS = np.array([[0, 0.1], [5, 0], [9, 0], [0, 2], [0, 9]], np.float32)
LABELS = np.array([1, 1, 0, 0, 0])


def test_top_losses_are_the_confident_mistakes_worst_first():
    np.testing.assert_array_equal(top_losses(LOGITS, LABELS, 2), [4, 1])
    np.testing.assert_array_equal(top_losses(LOGITS, LABELS, 9), [4, 1, 3])
    assert top_losses(LOGITS, LABELS, 0).tolist() == []


def test_a_right_but_unsure_prediction_is_no_mistake():
    # row 0 is right with loss 1.09 among three, row 1 wrong with 0.70
    logits = np.array([[0.01, 0, 0], [0, 0.01, -9]])
    np.testing.assert_array_equal(top_losses(logits, np.array([0, 0]), 5), [1])


def test_a_tie_is_a_mistake_for_the_later_class():
    logits = np.zeros((2, 2))
    np.testing.assert_array_equal(top_losses(logits, np.array([0, 1]), 5), [1])


def test_equal_losses_keep_their_order_and_nan_comes_last():
    logits = np.array([[math.nan, 0], [0, 3], [0, 3], [0, 4]])
    labels = np.array([0, 0, 0, 0])
    np.testing.assert_array_equal(top_losses(logits, labels, 9), [3, 1, 2, 0])


CONFUSION = np.array([[90, 2, 7], [0, 5, 7], [9, 0, 1]])


def test_most_confused_is_sorted_and_off_the_diagonal():
    assert most_confused(CONFUSION, ["a", "b", "c"], 9) == [
        ("c", "a", 9),
        ("a", "c", 7),
        ("b", "c", 7),
        ("a", "b", 2),
    ]
    assert most_confused(CONFUSION, ["a", "b", "c"], 1) == [("c", "a", 9)]
    assert CONFUSION[0, 0] == 90


def test_classes_of_one_name_stay_apart_by_index():
    assert confused_pairs(CONFUSION, 2) == [(2, 0, 9), (0, 2, 7)]
    assert most_confused(CONFUSION, ["x"] * 3, 2) == [
        ("x", "x", 9),
        ("x", "x", 7),
    ]


def test_a_perfect_model_confuses_nothing():
    assert most_confused(np.diag([3, 4]), ["a", "b"], 5) == []
    assert top_losses(np.eye(3), np.arange(3), 5).size == 0


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="k=-1"):
        top_losses(LOGITS, LABELS, -1)
    with pytest.raises(ValueError, match="k=-2"):
        confused_pairs(CONFUSION, -2)
    with pytest.raises(ValueError, match="names=2"):
        most_confused(CONFUSION, ["a", "b"], 1)


def test_with_several_labels_a_mistake_is_any_wrong_answer():
    logits = np.array(
        [[5, -0.1], [0.1, -9], [-1, 3], [2, 2], [math.nan, 1], [-3, -4]]
    )
    labels = np.array([[1, 0], [1, 0], [1, 1], [1, 0], [0, 1], [0, 1]])
    # right however unsure: 0 and 1; the losses of 2, 3 and 5: 1.4, 2.3, 4.1
    np.testing.assert_array_equal(top_losses(logits, labels, 9), [5, 3, 2, 4])
    np.testing.assert_array_equal(top_losses(logits, labels, 1), [5])
    assert top_losses(logits[:2], labels[:2], 9).size == 0
