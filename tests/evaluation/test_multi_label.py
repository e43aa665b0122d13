import math

import numpy as np
import pytest

from kerastricks.evaluation import multi_label, summarize

LN, NAN, INF = math.log, math.nan, math.inf

# Probabilities 3/4, 1/4 and 1/2 are logits LN(3), -LN(3) and 0.
LOGITS = np.array(
    [
        [LN(3), -LN(3), LN(9)],
        [-LN(3), LN(3), LN(3)],
        [LN(9), LN(9), -LN(3)],
        [-LN(9), -LN(3), -LN(3)],
    ]
)
LABELS = np.array([[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 0]], np.float32)


def test_sigmoid_by_hand_without_overflow():
    found = multi_label.sigmoid(np.array([[0, LN(3), -LN(9), 1e4, -1e4]]))
    np.testing.assert_allclose(found, [[0.5, 0.75, 0.1, 1, 0]], rtol=1e-12)
    assert multi_label.sigmoid(np.float32([2])).dtype == np.float64
    found = multi_label.sigmoid(np.array([NAN, INF, -INF]))
    np.testing.assert_array_equal(found, [NAN, 1, 0])


def test_loss_is_the_mean_over_classes():
    found = multi_label.binary_cross_entropy(LOGITS, LABELS)
    expected = [
        (LN(4 / 3) + LN(4 / 3) + LN(10)) / 3,
        3 * LN(4 / 3) / 3,
        (LN(10 / 9) + LN(10) + LN(4 / 3)) / 3,
        (LN(10 / 9) + 2 * LN(4 / 3)) / 3,
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    # Neither small losses nor huge ones are lost.
    found = multi_label.binary_cross_entropy([[40, -1e4]], [[1, 1]])
    np.testing.assert_allclose(found, [(math.exp(-40) + 1e4) / 2])
    found = multi_label.binary_cross_entropy([[60.0, -50.0]], [[1, 0]])
    np.testing.assert_allclose(found, [math.exp(-50) / 2], rtol=1e-4)


def test_any_of_the_best_scores_may_be_right():
    # best: 2 (wrong), 1 before 2 by index (right), 0 before 1 (right), none
    shares = [
        multi_label.any_of_the_best(LOGITS, LABELS, k) for k in (1, 2, 3, 5)
    ]
    assert shares == [0.5, 0.75, 0.75, 0.75]
    with_nan = np.where([[1, 0, 0]] * 4, NAN, LOGITS)
    assert multi_label.any_of_the_best(with_nan, LABELS, 3) == 0


@pytest.mark.parametrize(
    "scores, truths, expected",
    [
        ([4, 3, 2, 1], [1, 1, 0, 0], 1),
        ([4, 3, 2, 1], [0, 0, 1, 1], (1 / 3 + 2 / 4) / 2),
        ([1, 2, 3, 4], [1, 0, 1, 0], (1 / 2 + 2 / 4) / 2),
        # scikit-learn's own example: 0.83
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], (1 + 2 / 3) / 2),
        # Equal scores are one threshold: its precision is the class's share.
        ([7, 7, 7, 7], [1, 0, 0, 0], 1 / 4),
        ([9, 7, 7, 1], [0, 1, 1, 1], (2 * 2 / 3 + 3 / 4) / 3),
        ([9, 7, 7, 7], [1, 0, 1, 0], (1 + 2 / 4) / 2),
        ([INF, 1, -INF], [0, 1, 0], 1 / 2),
    ],
)
def test_average_precision_by_hand(scores, truths, expected):
    found = multi_label.average_precision(scores, truths)
    assert found == pytest.approx(expected, rel=1e-12)


def test_average_precision_is_the_area_by_definition():
    random = np.random.RandomState(0)
    for _ in range(20):
        scores = random.randint(0, 8, 40)
        truths = random.uniform(size=40) < 0.3
        area, before = 0.0, 0.0
        for threshold in range(7, -1, -1):
            above = scores >= threshold
            if above.any():
                recall = truths[above].sum() / truths.sum()
                area += (recall - before) * truths[above].mean()
                before = recall
        found = multi_label.average_precision(scores, truths)
        assert found == pytest.approx(area, rel=1e-12)


def test_average_precision_of_nothing_is_nan():
    assert math.isnan(multi_label.average_precision([1, 2], [False, False]))
    assert math.isnan(multi_label.average_precision([NAN, 2], [True, False]))


def test_scores_of_each_class_by_hand():
    found = multi_label.label_scores(LOGITS, LABELS)
    np.testing.assert_array_equal(found.support, [2, 1, 1])
    # claimed: rows 0 and 2; rows 1 and 2; rows 0 and 1
    np.testing.assert_allclose(found.precision, [1, 1 / 2, 1 / 2])
    np.testing.assert_allclose(found.recall, [1, 1, 1])
    np.testing.assert_allclose(found.f1, [1, 2 / 3, 2 / 3])
    np.testing.assert_allclose(found.average_precision, [1, 1 / 2, 1 / 2])


def test_one_half_is_no_claim_and_a_class_without_images_has_no_score():
    logits, labels = np.array([[0.0, 1.0], [1.0, 1.0]]), [[1, 0], [1, 0]]
    found = multi_label.label_scores(logits, labels)
    np.testing.assert_allclose(found.recall, [1 / 2, 0])
    np.testing.assert_allclose(found.precision, [1, 0])
    np.testing.assert_array_equal(found.average_precision, [1, NAN])


def test_reliability_is_of_each_image_and_class():
    found = multi_label.label_reliability(LOGITS, LABELS, bins=2)
    # up to 1/2: 1/4 five times and 1/10, none true; above: 3/4 three times,
    # all true, and 9/10 three times, one of them true
    np.testing.assert_array_equal(found.count, [6, 6])
    expected = [(5 / 4 + 1 / 10) / 6, (3 * 3 / 4 + 3 * 9 / 10) / 6]
    np.testing.assert_allclose(found.confidence, expected)
    np.testing.assert_allclose(found.accuracy, [0, 4 / 6])


def test_summary_by_hand():
    found = summarize(LOGITS, LABELS)
    # bins of 15: 1/10, 1/4, 3/4, 9/10 each have one of their own
    gaps = 1 * 0.1 + 5 * 0.25 + 3 * 0.25 + 3 * (0.9 - 1 / 3)
    assert found == pytest.approx(
        {
            "top1": 0.5,
            "top5": 0.75,
            "loss": (8 * LN(4 / 3) + 2 * LN(10) + 2 * LN(10 / 9)) / 12,
            "ece": gaps / 12,
            "mean_average_precision": 2 / 3,
            "f1": 7 / 9,
            "num_classes": 3,
        }
    )
    assert list(found)[:4] == ["top1", "top5", "loss", "ece"]
    assert {type(value) for value in found.values()} == {float, int}


def test_means_leave_out_classes_that_no_image_has():
    more = np.hstack([LOGITS, np.ones((4, 1))])
    labels = np.hstack([LABELS, np.zeros((4, 1))])
    found = summarize(more, labels)
    assert found["mean_average_precision"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(7 / 9)
    found = summarize(more, np.zeros((4, 4)))
    assert math.isnan(found["mean_average_precision"])
    assert math.isnan(found["f1"]) and found["top1"] == 0


def test_summary_says_nan_when_the_model_diverged():
    found = summarize(np.full((4, 3), NAN), LABELS)
    assert (found["top1"], found["top5"]) == (0.0, 0.0)
    for name in ("loss", "ece", "mean_average_precision"):
        assert math.isnan(found[name])


@pytest.mark.parametrize(
    "logits, labels, rule",
    [
        (np.ones((2, 3)), np.ones((2, 2)), r"labels.shape=\(2, 2\)"),
        (np.ones(3), np.ones(3), r"scores.shape=\(3,\)"),
        (np.ones((2, 3)), np.full((2, 3), 0.5), "0 or 1.*min=0.5, max=0.5"),
    ],
)
def test_bad_arguments_are_named(logits, labels, rule):
    with pytest.raises(ValueError, match=rule):
        multi_label.summarize_labels(logits, labels)


def test_no_images_have_no_average():
    with pytest.raises(ValueError, match="N=0"):
        summarize(np.ones((0, 3)), np.ones((0, 3)))
