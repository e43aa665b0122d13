import math

import numpy as np
import pytest

from kerastricks.evaluation import metrics

LN = math.log
NAN = math.nan


def test_softmax_is_the_ratio_of_exponentials_and_does_not_overflow():
    logits = np.array([[0, LN(2), LN(5)], [1000, 1000 + LN(3), -1000]])
    np.testing.assert_allclose(
        metrics.softmax(logits),
        [[1 / 8, 2 / 8, 5 / 8], [1 / 4, 3 / 4, 0]],
        rtol=1e-12,
    )


def test_softmax_works_in_float64_and_leaves_its_input_alone():
    logits = np.array([[3, 4]], np.float32)
    assert metrics.softmax(logits).dtype == np.float64
    np.testing.assert_array_equal(logits, [[3, 4]])
    assert np.isnan(metrics.softmax([[0.0, math.inf]])).all()


def test_topk_counts_the_classes_before_the_true_one():
    logits = np.array([[4, 3, 2, 1]] * 4)
    labels = np.array([0, 1, 2, 3])
    found = [metrics.topk_accuracy(logits, labels, k) for k in (1, 2, 3, 4)]
    assert found == [0.25, 0.5, 0.75, 1.0]


def test_a_tie_belongs_to_the_smaller_index():
    logits = np.array([[1, 7, 7, 7]] * 4)
    labels = np.arange(4)
    found = [metrics.topk_accuracy(logits, labels, k) for k in (1, 2, 3, 4)]
    assert found == [0.25, 0.5, 0.75, 1.0]
    np.testing.assert_array_equal(
        metrics.true_class_rank(logits, labels), [3, 0, 1, 2]
    )


def test_top1_is_argmax_whatever_the_ties():
    rng = np.random.default_rng(0)
    logits = rng.integers(0, 3, (500, 6)).astype(np.float32)
    labels = rng.integers(0, 6, 500)
    expected = np.mean(logits.argmax(1) == labels)
    assert metrics.topk_accuracy(logits, labels) == expected


def test_a_row_with_nan_is_wrong_for_every_k():
    logits = np.array([[NAN, 1.0], [NAN, NAN], [5.0, NAN], [0.0, 1.0]])
    labels = np.array([1, 0, 0, 1])
    assert metrics.topk_accuracy(logits, labels, 1) == 0.25
    assert metrics.topk_accuracy(logits, labels, 2) == 0.25


def test_cross_entropy_by_hand():
    logits = np.array([[0, LN(3)], [0, LN(3)], [1000, 0], [0, -math.inf]])
    labels = np.array([0, 1, 1, 1])
    np.testing.assert_allclose(
        metrics.cross_entropy(logits, labels),
        [LN(4), LN(4 / 3), 1000, math.inf],
        rtol=1e-12,
    )


def test_cross_entropy_is_nan_only_where_the_row_is():
    found = metrics.cross_entropy(np.array([[NAN, 0], [0, 0]]), [0, 0])
    np.testing.assert_allclose(found, [NAN, LN(2)])


# Confidences 0.6, 0.7, 0.7, 1.0 over four bins: the first three fall into
# (0.5, 0.75], the last into (0.75, 1].
PROBABILITIES = np.array([[0.6, 0.4], [0.3, 0.7], [0.7, 0.3], [0.0, 1.0]])
LABELS = np.array([0, 1, 1, 1])


def test_reliability_bins_by_hand():
    found = metrics.reliability_bins(PROBABILITIES, LABELS, bins=4)
    np.testing.assert_array_equal(found.count, [0, 0, 3, 1])
    np.testing.assert_allclose(found.confidence, [0, 0, 2 / 3, 1])
    np.testing.assert_allclose(found.accuracy, [0, 0, 2 / 3, 1])


def test_bins_are_closed_on_the_right():
    halves = np.array([[0.5, 0.5], [0.5 + 1e-9, 0.5 - 1e-9]])
    found = metrics.reliability_bins(halves, np.array([0, 0]), bins=2)
    np.testing.assert_array_equal(found.count, [1, 1])
    fifth = np.full((1, 5), 0.2)
    found = metrics.reliability_bins(fifth, np.array([0]), bins=15)
    assert np.flatnonzero(found.count) == [2]


def test_calibration_error_by_hand():
    labels = np.array([0, 0, 1, 0])
    # bin (0.5, 0.75]: 1 of 3 right at 2/3; bin (0.75, 1]: 0 of 1 at 1
    found = metrics.expected_calibration_error(PROBABILITIES, labels, bins=4)
    assert found == pytest.approx(3 / 4 * (1 / 3) + 1 / 4 * 1)
    right = metrics.expected_calibration_error(PROBABILITIES, LABELS, bins=4)
    assert right == pytest.approx(0)


def test_calibration_error_with_fifteen_bins_does_not_average_over_bins():
    labels = np.array([1, 1, 1, 1])
    # gaps: 0.6 wrong; 0.7 half right, in one bin; 1.0 right
    expected = (1 * 0.6 + 2 * 0.2 + 1 * 0.0) / 4
    found = metrics.expected_calibration_error(PROBABILITIES, labels)
    assert found == pytest.approx(expected)


def test_calibration_error_of_a_nan_is_nan():
    broken = np.array([[NAN, NAN], [0.9, 0.1]])
    labels = np.array([0, 0])
    assert math.isnan(metrics.expected_calibration_error(broken, labels))
    assert metrics.reliability_bins(broken, labels).count.sum() == 1


def test_confusion_rows_are_the_truth():
    found = metrics.confusion_matrix([0, 0, 1, 2, 0], [0, 2, 1, 1, 2], 4)
    expected = [[1, 0, 2, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64


def test_per_class_by_hand_with_zero_where_undefined():
    confusion = np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0]])
    found = metrics.per_class(confusion)
    np.testing.assert_allclose(found.precision, [3 / 5, 2 / 3, 0])
    np.testing.assert_allclose(found.recall, [3 / 4, 2 / 4, 0])
    np.testing.assert_allclose(found.f1, [6 / 9, 4 / 7, 0])
    np.testing.assert_array_equal(found.support, [4, 4, 0])


def test_summarize_by_hand():
    logits = np.array([[LN(3), 0, -math.inf], [0, LN(3), -math.inf]])
    found = metrics.summarize(logits, np.array([0, 0]))
    assert found == pytest.approx(
        {
            "top1": 0.5,
            "top5": 1.0,  # three classes: k is 3
            "loss": (LN(4 / 3) + LN(4)) / 2,
            "ece": 0.25,  # one bin: 0.75 confident, half right
        }
    )
    assert all(type(value) is float for value in found.values())


def test_summarize_says_nan_when_the_model_diverged():
    found = metrics.summarize(np.full((3, 7), NAN), np.array([0, 1, 2]))
    assert (found["top1"], found["top5"]) == (0.0, 0.0)
    assert math.isnan(found["loss"]) and math.isnan(found["ece"])


def test_top5_is_five_of_many():
    logits = -np.arange(10.0)[None].repeat(10, axis=0)
    found = metrics.summarize(logits, np.arange(10))
    assert (found["top1"], found["top5"]) == (0.1, 0.5)


def test_wilson_interval_by_hand_and_inside_its_bounds():
    # p = 1/2, n = 4, z = 2: centre 1/2, half-width sqrt(1/8)
    low, high = metrics.wilson_interval(0.5, 4, z=2)
    assert (low, high) == pytest.approx((0.5 - 8**-0.5, 0.5 + 8**-0.5))
    # p = 1: 1 / (1 + z^2 / n) to 1
    assert metrics.wilson_interval(1.0, 12, z=2) == pytest.approx((0.75, 1))


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: metrics.topk_accuracy([[1, 2]], [0], 3), r"k=3"),
        (lambda: metrics.topk_accuracy([[1, 2]], [0], 0), r"k=0"),
        (lambda: metrics.topk_accuracy([[1, 2]], [2]), r"max=2"),
        (lambda: metrics.topk_accuracy([[1, 2]], [-1]), r"min=-1"),
        (lambda: metrics.topk_accuracy([[1, 2]], [0.5]), r"dtype=float64"),
        (lambda: metrics.topk_accuracy([[1, 2]], [0, 1]), r"\(2,\)"),
        (lambda: metrics.topk_accuracy(np.ones((0, 2)), []), r"N=0"),
        (lambda: metrics.reliability_bins([[2.0, -1]], [0]), r"max=2"),
        (lambda: metrics.reliability_bins([[1.0, 0]], [0], 0), r"bins=0"),
        (lambda: metrics.confusion_matrix([0], [3], 3), r"predicted.*max=3"),
        (lambda: metrics.confusion_matrix([0, 1], [0], 3), r"\(2,\)"),
    ],
)
def test_bad_arguments_are_named(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
