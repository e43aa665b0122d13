"""One temperature that makes probabilities mean what they say.

    T = argmin mean NLL(softmax(logits / T), labels)

of the sigmoid where images have several classes. Convex in 1 / T.
Paper: Guo et al. 2017, On Calibration of Modern Neural Networks (1706.04599).
Cost: some seven passes over the logits; no image changes its class. Hurts: what
is fitted on few images, or on other images than it will see, misleads.
"""

from collections.abc import Callable, Iterator

import numpy as np

from kerastricks.evaluation import metrics, multi_label

LOWEST, HIGHEST = 0.01, 100.0
# Newton needs some six steps; halving down to an end of the range, 26.
MAX_STEPS = 100
TOLERANCE = 1e-7  # of the last step; Newton's error is about its square
CHUNK = 2**18  # logits at a time: 2 MB, which stays in a processor's cache


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T, within [0.01, 100]; logits / T is then calibrated.

    1 where no T is best: every true class has its row's highest logit (a
    lower T is then always better, which says nothing of other images). Rows
    with a NaN or an infinity are left out, and 1 if no other is left.

    Args:
        logits: float [N, C].
        labels: int [N], or 0 and 1, [N, C], for sigmoids.

    Example:
        temperature = fit_temperature(logits, labels)
        probabilities = softmax(logits / temperature)
    """
    several = np.ndim(labels) == 2
    checked = multi_label.checked if several else metrics.checked
    logits, labels = checked(logits, labels)
    known = np.isfinite(logits).all(axis=1)
    logits, labels = logits[known], labels[known]
    if _all_right(logits, labels):
        return 1.0
    derivatives = _binary_derivatives if several else _derivatives

    def slope(inverse: float) -> tuple[float, float]:
        parts = [derivatives(*part, inverse) for part in _parts(logits, labels)]
        first, second = np.sum(parts, axis=0) / len(logits)
        return float(first), float(second)

    return 1 / _rising_zero(slope, 1 / HIGHEST, 1 / LOWEST)


def _parts(
    logits: np.ndarray, labels: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rows = max(1, CHUNK // logits.shape[1])
    for start in range(0, len(logits), rows):
        part = slice(start, start + rows)
        yield logits[part].astype(np.float64), labels[part]


def _all_right(logits: np.ndarray, labels: np.ndarray) -> bool:
    if labels.ndim == 2:
        return bool((np.where(labels, logits, -logits) >= 0).all())
    true = np.take_along_axis(logits, labels[:, None], axis=1)
    return bool((true >= logits).all())


def _derivatives(
    logits: np.ndarray, labels: np.ndarray, inverse: float
) -> tuple[float, float]:
    """Of the summed NLL by 1 / T: `E_p z - z_true` and `Var_p z`."""
    logits -= logits.max(axis=1, keepdims=True)
    true = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    powers = np.exp(logits * inverse)
    total = powers.sum(axis=1)
    mean = np.einsum("nc,nc->n", powers, logits) / total
    square = np.einsum("nc,nc,nc->n", powers, logits, logits) / total
    return float((mean - true).sum()), float((square - mean**2).sum())


def _binary_derivatives(
    logits: np.ndarray, truths: np.ndarray, inverse: float
) -> tuple[float, float]:
    """The same of sigmoids: `-m s(-m / T)` and `m^2 s(m / T) s(-m / T)`."""
    margins = np.where(truths, logits, -logits)
    missed = multi_label.sigmoid(-margins * inverse)
    first = -(margins * missed).sum()
    return first, (margins**2 * missed * (1 - missed)).sum()


def _rising_zero(
    slope: Callable[[float], tuple[float, float]], low: float, high: float
) -> float:
    """Where a rising function is 0, or the end of [low, high] next to it.

    Newton steps from 1, halving (in ratio) what is left if one leaves it.
    """
    place = 1.0
    for _ in range(MAX_STEPS):
        value, rise = slope(place)
        low, high = (low, place) if value > 0 else (place, high)
        moved = place - value / rise if rise > 0 else low
        if not low < moved < high:
            moved = (low * high) ** 0.5
        if abs(moved - place) <= TOLERANCE * place:
            return moved
        place = moved
    return place
