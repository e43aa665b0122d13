import math

import numpy as np
import pytest

from kerastricks.evaluation import softmax, suspects
from kerastricks.evaluation.label_noise import Suspect, class_thresholds

# Mean p_0 over rows 0-2: .6; p_1 over rows 3-5: .6; p_2 over row 6: .5.
CHANCES = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.7, 0.2, 0.1],
        [0.2, 0.65, 0.15],  # labelled 0, is 1: above .6, by .45
        [0.1, 0.9, 0.0],
        [0.45, 0.4, 0.15],  # 0 is likelier than the label 1, but below .6
        [0.25, 0.5, 0.25],
        [0.4, 0.1, 0.5],
    ]
)
LABELS = np.array([0, 0, 0, 1, 1, 1, 2])


def test_thresholds_are_each_classs_own_mean():
    np.testing.assert_allclose(
        class_thresholds(CHANCES, LABELS), [0.6, 0.6, 0.5]
    )


def test_suspects_by_hand():
    (found,) = suspects(CHANCES, LABELS, 9)
    assert (found.index, found.label, found.likely) == (2, 0, 1)
    assert found.score == pytest.approx(0.45)


def test_the_likeliest_of_several_confident_classes():
    """Thresholds .8, .325, .3: 1 and 2 are both above theirs in row 1."""
    chances = np.array(
        [[0.8, 0.1, 0.1], [0.2, 0.35, 0.45], [0.5, 0.3, 0.2], [0.6, 0.1, 0.3]]
    )
    found = suspects(chances, np.array([0, 1, 1, 2]), 9)
    assert [(s.index, s.label, s.likely) for s in found] == [(1, 1, 2)]
    assert found[0].score == pytest.approx(0.1)


def test_a_class_that_is_never_likely_is_found_by_its_own_mean():
    """Class 1 gets .3 at best: a threshold of 1/2 would never see it."""
    chances = np.array([[0.75, 0.25, 0.0]] * 4 + [[0.3, 0.29, 0.41]])
    labels = np.array([0, 0, 1, 1, 2])
    (row,) = [s for s in suspects(chances, labels, 9) if s.index == 2]
    assert row.likely == 0


def test_planted_labels_are_found():
    random = np.random.RandomState(0)
    truths = random.randint(0, 5, 1000)
    logits = random.normal(0, 1, (1000, 5))
    logits[np.arange(1000), truths] += 6
    planted = random.choice(1000, 40, replace=False)
    labels = truths.copy()
    labels[planted] = (truths[planted] + random.randint(1, 5, 40)) % 5
    found = suspects(softmax(logits), labels, 1000)
    assert len(found) == 36
    assert {s.index for s in found} <= set(planted)
    assert all(s.likely == truths[s.index] for s in found)
    scores = [s.score for s in found]
    assert scores == sorted(scores, reverse=True)
    assert suspects(softmax(logits), truths, 1000) == []


def test_equal_scores_keep_their_order_and_k_cuts():
    chances = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]] * 3)
    labels = np.array([0, 0, 1, 1] + [0, 0, 1, 1] + [1, 0, 0, 1])
    found = suspects(chances, labels, 9)
    assert [s.index for s in found] == [8, 10]
    assert suspects(chances, labels, 1) == [Suspect(8, 1, 0, found[0].score)]
    assert suspects(chances, labels, 0) == []


def test_nan_rows_and_absent_classes_are_left_out():
    broken = np.concatenate([CHANCES, np.full((1, 3), math.nan)])
    found = suspects(broken, np.append(LABELS, 0), 9)
    assert found == suspects(CHANCES, LABELS, 9)
    wider = np.concatenate([CHANCES, np.full((7, 1), 0.99)], axis=1)
    assert class_thresholds(wider, LABELS)[3] == math.inf
    assert [s.index for s in suspects(wider, LABELS, 9)] == [2]


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="k=-1"):
        suspects(CHANCES, LABELS, -1)
    with pytest.raises(ValueError, match=r"labels.shape=\(2,\)"):
        suspects(CHANCES, LABELS[:2], 1)
