"""The evaluation that suits the labels: one class each, or several or none."""

import numpy as np

from kerastricks.evaluation import metrics, multi_label


def summarize(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """top1, top5, loss, ece and num_classes; of several classes two more.

    Args:
        labels: int [N], or 0 and 1, [N, C]: see `multi_label` for what the
            numbers mean then, with mean_average_precision and f1.
    """
    several = np.ndim(labels) == 2
    of = multi_label.summarize_labels if several else metrics.summarize
    return of(logits, labels) | {"num_classes": np.shape(logits)[1]}


def probabilities(logits: np.ndarray, several: bool) -> np.ndarray:
    """float64 [N, C]: of the classes, or of each class by itself."""
    return (multi_label.sigmoid if several else metrics.softmax)(logits)
