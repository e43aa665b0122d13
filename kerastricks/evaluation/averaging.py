"""One prediction from several: of models, or of views of an image.

    mean of probabilities: softmax(out) = sum_m w_m softmax(z_m)
    mean of logits:        out = sum_m w_m z_m   (a geometric mean)

or the maximum of either. Of several independent classes the sigmoid replaces
the softmax. In log space: a probability of 1e-300 is not lost.
"""

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

OF = ("probabilities", "logits")
BY = ("mean", "max")


def averaged_logits(
    logits: Sequence[np.ndarray],
    weights: Sequence[float] | None = None,
    of: str = "probabilities",
    by: str = "mean",
    multi_label: bool = False,
) -> np.ndarray:
    """float64 [N, C]: logits whose softmax (sigmoid) is the average.

    The maxima of probabilities do not sum to 1: the softmax divides by what
    they do. A NaN of one is a NaN of the average.

    Args:
        logits: of each model or view, float [N, C].
        weights: of each, not negative; they are divided by their sum. By the
            maximum only 0 matters: it leaves one out.
        of: "probabilities" or "logits".
        by: "mean" or "max".
        multi_label: each class has a sigmoid of its own.

    Example:
        average = averaged_logits([logits_a, logits_b])
    """
    parts = _checked(logits, of, by)
    shares = _shares(weights, len(parts))
    used = [
        (part.astype(np.float64), share)
        for part, share in zip(parts, shares, strict=True)
        if share > 0
    ]
    with np.errstate(invalid="ignore"):
        if of == "logits" or (by == "max" and multi_label):
            return _combined(used, by)
        if by == "max":
            return _combined([(_log_softmax(z), w) for z, w in used], by)
        if not multi_label:
            return _log_mean(used, _log_softmax)
        return _log_mean(used, _log_sigmoid) - _log_mean(used, _log_missing)


Weighted = list[tuple[np.ndarray, float]]


def _combined(parts: Weighted, by: str) -> np.ndarray:
    if by == "max":
        return reduce(np.maximum, [part for part, _ in parts])
    return reduce(np.add, [part * share for part, share in parts])


def _log_mean(
    parts: Weighted, log: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """`log sum_m w_m exp(log(z_m))`."""
    return reduce(
        np.logaddexp, (log(part) + np.log(share) for part, share in parts)
    )


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _log_sigmoid(logits: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -logits)


def _log_missing(logits: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, logits)


def _checked(
    logits: Sequence[np.ndarray], of: str, by: str
) -> list[np.ndarray]:
    if of not in OF or by not in BY:
        raise ValueError(
            f"of must be one of {', '.join(OF)} and by one of {', '.join(BY)}. "
            f"Received: of={of}, by={by}"
        )
    parts = [np.asarray(part) for part in logits]
    shapes = {part.shape for part in parts}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(
            "logits to average must be [N, C], of one shape. Received: "
            f"shapes={sorted(shapes)}"
        )
    return parts


def _shares(weights: Sequence[float] | None, count: int) -> np.ndarray:
    shares = np.ones(count) if weights is None else np.asarray(weights, float)
    if shares.shape != (count,) or not (shares >= 0).all() or not shares.any():
        raise ValueError(
            "weights must be one for each, not negative, not all 0. "
            f"Received: weights={weights}, logits={count}"
        )
    return shares / shares.sum()
