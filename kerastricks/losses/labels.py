"""What labels may be, and how they are softened and weighed."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from kerastricks.checks import check_choice, check_share

LAWS = ("uniform", "others", "half")


def label_rows(labels: Any, classes: int) -> Any:
    """float32 [B, C] of class numbers [B] or [B, 1], or of rows [B, C].

    A class that is not there makes its row NaN, and so the loss: a row of
    zeros would go unnoticed.
    """
    labels = ops.convert_to_tensor(labels)
    rank, last = len(labels.shape), labels.shape[-1]
    if rank == 2 and last == 1 and classes > 1:
        labels, rank = ops.squeeze(labels, axis=-1), 1
    if rank == 1 and classes > 1:
        numbers = ops.cast(labels, "int32")
        there = ops.logical_and(numbers >= 0, numbers < classes)
        rows = ops.one_hot(numbers, classes, dtype="float32")
        return ops.where(there[:, None], rows, float("nan"))
    if rank == 1:
        labels = ops.expand_dims(labels, -1)
    elif last not in (classes, None):
        raise ValueError(
            "labels must be class numbers [B] or [B, 1], or rows [B, C]. "
            f"Received: labels of shape {tuple(labels.shape)}, "
            f"{classes} classes"
        )
    return ops.cast(labels, "float32")


def smooth_labels(labels: Any, amount: float, law: str = "uniform") -> Any:
    """Smoothed labels [B, K]; of the laws the first two keep a row's sum of 1.

    uniform: (1 - e) y + e / K    others: (1 - e) y + e (1 - y) / (K - 1)
    half:    (1 - e) y + e / 2
    """
    kept, classes = (1 - amount) * labels, labels.shape[-1]
    if law == "uniform":
        return kept + amount / classes
    if law == "others":
        return kept + amount * (1 - labels) / (classes - 1)
    return kept + amount / 2


def check_smoothing(amount: float, law: str, laws: Sequence[str]) -> None:
    check_share(label_smoothing=amount)
    check_choice(laws, smoothing=law)


def listed(weights: Sequence[float] | None) -> list[float] | None:
    """Class weights as a config holds them."""
    return None if weights is None else [float(weight) for weight in weights]


def weighed(values: Any, weights: list[float] | None) -> Any:
    """Values [B, K], each times the weight of its class."""
    if weights is None:
        return values
    if len(weights) != values.shape[-1]:
        raise ValueError(
            "class_weights must have a number for each class. Received: "
            f"{len(weights)} numbers, {values.shape[-1]} classes"
        )
    return values * ops.convert_to_tensor(weights, dtype="float32")
