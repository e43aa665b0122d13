"""Images whose label is probably wrong, by a model that did not see them.

    t_j = mean p_j over the images labelled j
    suspect: some j != label has p_j >= t_j and p_j > p_label
    score = p_likely - p_label

Paper: Northcutt et al. 2021, Confident Learning (1911.00068). A class's own
mean as its threshold makes up for classes the model is less sure of.
Cost: none beyond the probabilities. Hurts: of images the model was trained on
it finds few, for the model has learned their wrong labels.
"""

from dataclasses import dataclass

import numpy as np

from kerastricks.evaluation.metrics import checked


@dataclass(frozen=True)
class Suspect:
    """An image, its label, what it seems to be, and by how much: (0, 1]."""

    index: int
    label: int
    likely: int
    score: float


def suspects(
    probabilities: np.ndarray, labels: np.ndarray, k: int
) -> list[Suspect]:
    """At most k images whose label is doubtful, the most doubtful first.

    Equal scores keep the order of the images; rows with a NaN are left out.

    Args:
        probabilities: float [N, C], best of images held out of training.
        labels: int [N].
        k: at most this many.

    Example:
        for found in suspects(softmax(logits), labels, 50): show(found.index)
    """
    if k < 0:
        raise ValueError(f"k must not be negative. Received: k={k}")
    probabilities, labels = checked(probabilities, labels)
    probabilities = probabilities.astype(np.float64)
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    confident = probabilities >= class_thresholds(probabilities, labels)
    rivals = np.where(confident & (probabilities > own), probabilities, -1.0)
    likely = rivals.argmax(axis=1)
    scores = rivals.max(axis=1) - own[:, 0]
    doubtful = np.flatnonzero(
        (rivals.max(axis=1) >= 0) & ~np.isnan(probabilities).any(axis=1)
    )
    order = doubtful[np.argsort(-scores[doubtful], kind="stable")[:k]]
    return [
        Suspect(int(i), int(labels[i]), int(likely[i]), float(scores[i]))
        for i in order
    ]


def class_thresholds(
    probabilities: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """float64 [C]: mean p_j over the images labelled j; inf if there is none.

    Rows with a NaN are left out.
    """
    probabilities, labels = checked(probabilities, labels)
    known = ~np.isnan(probabilities).any(axis=1)
    labels, rows = labels[known], np.flatnonzero(known)
    own = probabilities[rows, labels].astype(np.float64)
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, own, minlength=classes)
    means = np.full(classes, np.inf)
    return np.divide(sums, counts, out=means, where=counts > 0)
