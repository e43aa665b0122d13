"""The numbers of an evaluation, in float64 NumPy, from logits and labels.

Where images have one class each; `multi_label` is for several or none.

Shapes: `logits` float [N, C], `labels` int [N]. A tie is never right for
free, and a row that holds a NaN is wrong, so a diverged model cannot score.
"""

import math
from dataclasses import dataclass

import numpy as np

# Float32 softmax sums to 1 within about 1e-6; logits miss this by far.
PROBABILITY_SLACK = 1e-3


@dataclass(frozen=True)
class Reliability:
    """Per bin of confidence: [bins] arrays, 0 where a bin is empty."""

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


@dataclass(frozen=True)
class PerClass:
    """Per class: [C] arrays, 0 where a ratio is undefined."""

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities in float64: `exp(z - max z) / sum exp(z - max z)`.

    A row with a NaN or a +inf gives NaN.
    """
    logits = np.asarray(logits).astype(np.float64)
    with np.errstate(invalid="ignore"):
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


def true_class_rank(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many classes stand before the true one: int [N], 0 is right.

    Before it stand the classes with a strictly larger logit and those with
    an equal logit and a smaller index, so rank 0 is exactly `argmax`. A row
    with a NaN has rank C, which no k reaches.
    """
    logits, labels = checked(logits, labels)
    true = np.take_along_axis(logits, labels[:, None], axis=1)
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    ahead = (logits > true) | ((logits == true) & earlier)
    broken = np.isnan(logits).any(axis=1)
    return np.where(broken, logits.shape[1], ahead.sum(axis=1))


def topk_accuracy(logits: np.ndarray, labels: np.ndarray, k: int = 1) -> float:
    """The share of rows whose true class is among the k best.

    Example:
        topk_accuracy([[0.1, 0.9], [0.5, 0.5]], [1, 1])  # 0.5: a tie is 0's
    """
    classes = np.shape(logits)[-1]
    if not 1 <= k <= classes:
        raise ValueError(
            f"k must be between 1 and the number of classes, {classes}. "
            f"Received: k={k}"
        )
    ranks = true_class_rank(logits, labels)
    refuse_empty(ranks)
    return float(np.mean(ranks < k))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Per-sample loss in nats, [N]: `log sum exp(z) - z[label]`."""
    logits, labels = checked(logits, labels)
    logits = logits.astype(np.float64)
    true = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    top = logits.max(axis=1)
    with np.errstate(invalid="ignore"):
        total = np.exp(logits - top[:, None]).sum(axis=1)
        return np.log(total) + (top - true)


def reliability_bins(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> Reliability:
    """Count, mean confidence and accuracy by bin of the top probability.

    Bin i holds the samples with `i / bins < confidence <= (i + 1) / bins`.
    A row with a NaN falls into no bin.
    """
    return bin_outcomes(*_confidence(probabilities, labels), bins)


def bin_outcomes(
    confidence: np.ndarray, right: np.ndarray, bins: int
) -> Reliability:
    """The same of confidences [N] and of what came true [N]."""
    if bins < 1:
        raise ValueError(f"bins must be at least 1. Received: bins={bins}")
    known = ~np.isnan(confidence)
    confidence, right = confidence[known], right[known]
    edges = np.arange(bins + 1) / bins
    places = np.searchsorted(edges, confidence, side="left") - 1
    places = np.clip(places, 0, bins - 1)
    count = np.bincount(places, minlength=bins)
    return Reliability(
        count,
        ratio(np.bincount(places, confidence, minlength=bins), count),
        ratio(np.bincount(places, right, minlength=bins), count),
    )


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> float:
    """`sum_bin count / N * |accuracy - confidence|`; NaN if any row is NaN.

    Guo et al. 2017, On Calibration of Modern Neural Networks, eq. 3.
    """
    refuse_empty(labels)
    found = reliability_bins(probabilities, labels, bins)
    return calibration_gap(found, len(labels))


def calibration_gap(found: Reliability, total: int) -> float:
    """The same from the bins; NaN unless all of `total` lie in one."""
    if found.count.sum() < total:
        return math.nan
    gaps = np.abs(found.accuracy - found.confidence)
    return float(np.sum(found.count * gaps) / total)


def confusion_matrix(
    labels: np.ndarray, predicted: np.ndarray, num_classes: int
) -> np.ndarray:
    """Counts, int64 [C, C]: rows are the truth, columns the prediction."""
    labels = _class_indices("labels", labels, num_classes)
    predicted = _class_indices("predicted", predicted, num_classes)
    if labels.shape != predicted.shape:
        raise ValueError(
            "labels and predicted must have one length. Received: "
            f"labels.shape={labels.shape}, predicted.shape={predicted.shape}"
        )
    cells = labels * num_classes + predicted
    counts = np.bincount(cells, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def per_class(confusion: np.ndarray) -> PerClass:
    """Precision, recall, F1 and support of each class."""
    confusion = np.asarray(confusion)
    right = np.diagonal(confusion)
    support = confusion.sum(axis=1)
    claimed = confusion.sum(axis=0)
    return PerClass(
        precision=ratio(right, claimed),
        recall=ratio(right, support),
        f1=ratio(2 * right, support + claimed),
        support=support,
    )


def summarize(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """top1, top5 (of at most C classes), mean loss and ece, as floats."""
    return {
        "top1": topk_accuracy(logits, labels),
        "top5": topk_accuracy(logits, labels, min(5, np.shape(logits)[-1])),
        "loss": float(np.mean(cross_entropy(logits, labels))),
        "ece": expected_calibration_error(softmax(logits), labels),
    }


def wilson_interval(
    share: float, count: int, z: float = 1.96
) -> tuple[float, float]:
    """The range a measured share is good for: 95 % at z = 1.96.

    Wilson 1927; unlike `p ± z sd` it stays inside [0, 1] near its ends.
    """
    scale = 1 + z**2 / count
    centre = (share + z**2 / (2 * count)) / scale
    variance = share * (1 - share) / count + z**2 / (4 * count**2)
    return (
        centre - z * math.sqrt(variance) / scale,
        centre + z * math.sqrt(variance) / scale,
    )


def _confidence(
    probabilities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Top probability [N], NaN where the row has one, and rightness [N]."""
    probabilities, labels = checked(probabilities, labels)
    probabilities = probabilities.astype(np.float64)
    low, high = -PROBABILITY_SLACK, 1 + PROBABILITY_SLACK
    if ((probabilities < low) | (probabilities > high)).any():
        raise ValueError(
            "probabilities must lie in [0, 1]; softmax the logits first. "
            f"Received: min={np.nanmin(probabilities):.4g}, "
            f"max={np.nanmax(probabilities):.4g}"
        )
    right = np.argmax(probabilities, axis=1) == labels
    return probabilities.max(axis=1), right


def checked(
    logits: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    logits = np.asarray(logits)
    if logits.ndim != 2 or np.shape(labels) != logits.shape[:1]:
        raise ValueError(
            "scores must be [N, C] and labels [N]. Received: "
            f"scores.shape={logits.shape}, labels.shape={np.shape(labels)}"
        )
    return logits, _class_indices("labels", labels, logits.shape[1])


def _class_indices(
    name: str, values: np.ndarray, num_classes: int
) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} must be integers of shape [N]. Received: "
            f"dtype={values.dtype}, shape={values.shape}"
        )
    if values.size and not 0 <= values.min() <= values.max() < num_classes:
        raise ValueError(
            f"{name} must lie in [0, {num_classes}). Received: "
            f"min={values.min()}, max={values.max()}"
        )
    return values.astype(np.int64)


def refuse_empty(samples: np.ndarray) -> None:
    if len(samples) == 0:
        raise ValueError("an average needs at least one sample. Received: N=0")


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part / whole` in float64, and 0 where whole is 0."""
    return np.divide(
        part, whole, out=np.zeros(len(whole), np.float64), where=whole != 0
    )
