"""The numbers of an evaluation where images have several classes, or none.

Shapes: `logits` float [N, C], `labels` 0 or 1, [N, C]. Each (image, class) is a
question of its own, answered by the sigmoid of its logit: yes above 1/2. In
float64 NumPy; what a NaN stands for is never right.
"""

import math
from dataclasses import dataclass

import numpy as np

from kerastricks.evaluation.metrics import (
    Reliability,
    bin_outcomes,
    calibration_gap,
    ratio,
    refuse_empty,
)


@dataclass(frozen=True)
class LabelScores:
    """Per class: [C] arrays; a ratio is 0 where it is undefined.

    Args:
        average_precision: NaN where no image has the class.
        support: how many images have it.
    """

    average_precision: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities in float64, without overflow: `1 / (1 + exp(-z))`."""
    logits = np.asarray(logits).astype(np.float64)
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1, small) / (1 + small)


def binary_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Loss of each image in nats, [N]: the mean over its classes."""
    logits, truths = checked(logits, labels)
    logits = logits.astype(np.float64)
    margins = np.where(truths, logits, -logits)
    with np.errstate(invalid="ignore"):
        return np.logaddexp(0, -margins).mean(axis=1)


def any_of_the_best(
    logits: np.ndarray, labels: np.ndarray, k: int = 1
) -> float:
    """The share of images one of whose classes is among the k best scores.

    Among equal scores the smaller index is better. An image without any class
    counts as missed, and so does one with a NaN.
    """
    logits, truths = checked(logits, labels)
    refuse_empty(logits)
    order = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(truths, order, axis=1).any(axis=1)
    return float(np.mean(hits & ~np.isnan(logits).any(axis=1)))


def average_precision(scores: np.ndarray, truths: np.ndarray) -> float:
    """`sum_t (recall_t - recall_(t-1)) precision_t`, t: thresholds, falling.

    Exact and without interpolation, equal scores at one threshold: the area
    that scikit-learn's average_precision_score gives. NaN without positives,
    or if a score is NaN.

    Args:
        scores: float [N] of one class, logits or probabilities.
        truths: bool [N].

    Example:
        average_precision([0.9, 0.8, 0.7], [True, False, True])  # 5 / 6
    """
    scores, truths = np.asarray(scores), np.asarray(truths, bool)
    if not truths.any() or np.isnan(scores).any():
        return math.nan
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.cumsum(truths[order])
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    gained = np.diff(hits[last], prepend=0)
    return float(np.sum(gained * hits[last] / (last + 1)) / hits[-1])


def label_scores(logits: np.ndarray, labels: np.ndarray) -> LabelScores:
    """How well each class is found."""
    logits, truths = checked(logits, labels)
    claims = logits > 0
    right = np.sum(claims & truths, axis=0)
    claimed, support = claims.sum(axis=0), truths.sum(axis=0)
    classes = range(logits.shape[1])
    return LabelScores(
        average_precision=np.array(
            [average_precision(logits[:, c], truths[:, c]) for c in classes]
        ),
        precision=ratio(right, claimed),
        recall=ratio(right, support),
        f1=ratio(2 * right, claimed + support),
        support=support,
    )


def label_reliability(
    logits: np.ndarray, labels: np.ndarray, bins: int = 15
) -> Reliability:
    """Bins of (image, class) by probability: how often it is true there.

    Here `accuracy` is the share of pairs whose class the image has.
    """
    logits, truths = checked(logits, labels)
    return bin_outcomes(sigmoid(logits).ravel(), truths.ravel(), bins)


def summarize_labels(
    logits: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """The keys of `summarize`, mean_average_precision and f1, as floats.

    top1 and top5 ask whether any of the best scores is right; ece is over
    (image, class); the last two are means over the classes that some image
    has, f1 at the probability 1/2.
    """
    scores = label_scores(logits, labels)
    known = scores.support > 0
    precisions, f1 = scores.average_precision[known], scores.f1[known]
    return {
        "top1": any_of_the_best(logits, labels),
        "top5": any_of_the_best(logits, labels, 5),
        "loss": float(np.mean(binary_cross_entropy(logits, labels))),
        "ece": calibration_gap(
            label_reliability(logits, labels), np.size(labels)
        ),
        "mean_average_precision": (
            float(np.mean(precisions)) if known.any() else math.nan
        ),
        "f1": float(np.mean(f1)) if known.any() else math.nan,
    }


def checked(
    logits: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(logits, labels as bool) of one shape."""
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape:
        raise ValueError(
            "scores and labels must be [N, C]. Received: "
            f"scores.shape={logits.shape}, labels.shape={labels.shape}"
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "labels must be 0 or 1. Received: "
            f"min={labels.min()}, max={labels.max()}"
        )
    return logits, labels.astype(bool)
