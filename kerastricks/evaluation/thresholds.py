"""The probability above which each class of a multi-label model is claimed.

    t_c = argmax_t F1(sigmoid(logits_c) > t, labels_c)

Exact: F1 changes only at the scores, so the midpoints between neighbouring
ones are all there is to try.
Cost: one sort of N scores per class. Hurts: fitted on few images of a class a
threshold is mostly chance; judge it on other images than it was fitted on.
"""

import numpy as np

from kerastricks.evaluation.metrics import ratio
from kerastricks.evaluation.multi_label import checked, sigmoid

USUAL = 0.5


def best_thresholds(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """float64 [C]: the probability that gives each class its best F1.

    A class is claimed where its probability is above. Of equally good ones
    the nearest to 1/2, which a class without any image gets. A NaN is
    never claimed.

    Args:
        logits: float [N, C].
        labels: 0 and 1, [N, C].
    """
    logits, truths = checked(logits, labels)
    scores = sigmoid(logits)
    classes = range(logits.shape[1])
    return np.array([_best(scores[:, c], truths[:, c]) for c in classes])


def f1_at(
    logits: np.ndarray, labels: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """float64 [C]: F1 of each class, claimed above its threshold.

    Args:
        thresholds: probabilities, [C] or one for all.
    """
    logits, truths = checked(logits, labels)
    if np.shape(thresholds) not in ((), logits.shape[1:]):
        raise ValueError(
            "thresholds must be one for each class. Received: thresholds.shape="
            f"{np.shape(thresholds)}, classes={logits.shape[1]}"
        )
    claims = sigmoid(logits) > np.asarray(thresholds)
    right = np.sum(claims & truths, axis=0)
    return ratio(2 * right, claims.sum(axis=0) + truths.sum(axis=0))


def _best(scores: np.ndarray, truths: np.ndarray) -> float:
    known = ~np.isnan(scores)
    if not truths[known].any():
        return USUAL
    values, places = np.unique(scores[known], return_inverse=True)
    claimed = _at_least(np.bincount(places))
    hits = _at_least(np.bincount(places, truths[known]))
    thresholds = _midpoints(values)
    f1 = 2 * hits / (claimed + truths.sum())
    # A probability of 0 is above no threshold.
    f1[thresholds >= values] = 0
    best = thresholds[f1 == f1.max()]
    return float(best[np.argmin(np.abs(best - USUAL))])


def _at_least(counts: np.ndarray) -> np.ndarray:
    """How many have this value or a higher one."""
    return np.cumsum(counts[::-1])[::-1]


def _midpoints(values: np.ndarray) -> np.ndarray:
    """Below each value and not below the one before; values rise."""
    before = np.append(0.0, values[:-1])
    middle = (before + values) / 2
    # Between neighbouring floats the middle rounds to one of them.
    return np.where(middle < values, middle, before)
