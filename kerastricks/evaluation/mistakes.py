"""Which samples a model gets wrong, and which classes it takes for others."""

from collections.abc import Sequence

import numpy as np

from kerastricks.evaluation.metrics import cross_entropy, true_class_rank
from kerastricks.evaluation.multi_label import binary_cross_entropy


def top_losses(logits: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k wrong predictions with the largest loss, worst first.

    Right predictions are left out, however unsure. Equal losses keep the
    order of the samples; rows whose loss is NaN come last. Where images have
    several classes or none, a prediction is right when it has exactly these.

    Args:
        logits: float [N, C].
        labels: int [N], or 0 and 1, [N, C].
        k: at most this many indices.

    Example:
        for index in top_losses(logits, labels, 24): show(images[index])
    """
    _refuse_negative(k)
    if np.ndim(labels) == 2:
        losses = binary_cross_entropy(logits, labels)
        is_wrong = ((np.asarray(logits) > 0) != np.asarray(labels)).any(axis=1)
        is_wrong |= np.isnan(losses)
    else:
        losses = cross_entropy(logits, labels)
        is_wrong = true_class_rank(logits, labels) > 0
    wrong = np.flatnonzero(is_wrong)
    return wrong[np.argsort(-losses[wrong], kind="stable")[:k]]


def confused_pairs(confusion: np.ndarray, k: int) -> list[tuple[int, int, int]]:
    """The k most frequent mistakes as (truth, predicted, count) indices.

    Pairs that never happened are left out; equal counts keep the order of
    the matrix.
    """
    _refuse_negative(k)
    counts = np.array(confusion)
    np.fill_diagonal(counts, 0)
    truths, guesses = np.nonzero(counts)
    found = counts[truths, guesses]
    order = np.argsort(-found, kind="stable")[:k]
    rows = zip(truths[order], guesses[order], found[order], strict=True)
    return [(int(t), int(p), int(c)) for t, p, c in rows]


def most_confused(
    confusion: np.ndarray, class_names: Sequence[str], k: int
) -> list[tuple[str, str, int]]:
    """The k most frequent mistakes as (truth, predicted, count), by name.

    Args:
        confusion: int [C, C], rows are the truth.
        class_names: C names.
        k: at most this many.
    """
    if np.shape(confusion) != (len(class_names), len(class_names)):
        raise ValueError(
            "confusion must be [C, C] for C class names. Received: "
            f"confusion.shape={np.shape(confusion)}, names={len(class_names)}"
        )
    return [
        (class_names[truth], class_names[predicted], count)
        for truth, predicted, count in confused_pairs(confusion, k)
    ]


def _refuse_negative(k: int) -> None:
    if k < 0:
        raise ValueError(f"k must not be negative. Received: k={k}")
