"""How far a number may be chance: percentile bootstrap over the images.

    draw d: N images with replacement;  interval = quantiles of mean_d

Paper: Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13.
Knows nothing of the chance in training: seeds tell that, images do not.

Example:
    low, high = bootstrap_interval(logits.argmax(axis=1) == labels)
    gain = paired_difference(right_before, right_after)
    gain.low > 0  # better, at 95 %
"""

from dataclasses import dataclass

import numpy as np

from kerastricks.evaluation.metrics import refuse_empty, wilson_interval

# With few distinct values a draw is a multinomial over them; with more, N
# indices are cheaper than as many binomials.
FEW_VALUES = 64
# Indices drawn at a time: 32 MB of int64.
CHUNK = 2**22


@dataclass(frozen=True)
class Difference:
    """A mean difference `b - a` and its interval."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    right: np.ndarray, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """(low, high) of the mean of `right`, bool or float [N].

    NaN, NaN if a value is NaN.
    """
    values = _checked(right, draws, level)
    if np.isnan(values).any():
        return float("nan"), float("nan")
    means = _resampled_means(values, draws, np.random.RandomState(seed))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def accuracy_interval(right: np.ndarray) -> tuple[float, float]:
    """(low, high) of an accuracy, of which 0 and 1 are not certain either.

    The bootstrap's; Wilson's where all images are right, or all wrong, so that
    every draw is the same.
    """
    values = np.asarray(right, np.float64)
    if len(values) and values.min() == values.max() and values[0] in (0, 1):
        return wilson_interval(float(values[0]), len(values))
    return bootstrap_interval(values)


def paired_difference(
    right_a: np.ndarray,
    right_b: np.ndarray,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """The mean of `b - a` over the same N images, and its interval.

    A draw takes the same images of both, so what makes an image hard for
    both cancels: the interval is narrower than that of two apart.
    """
    if np.shape(right_a) != np.shape(right_b):
        raise ValueError(
            "a paired difference needs the same images of both. Received: "
            f"a.shape={np.shape(right_a)}, b.shape={np.shape(right_b)}"
        )
    gained = np.asarray(right_b, np.float64) - np.asarray(right_a, np.float64)
    interval = bootstrap_interval(gained, draws, seed, level)
    return Difference(float(gained.mean()), *interval)


def _resampled_means(
    values: np.ndarray, draws: int, random: np.random.RandomState
) -> np.ndarray:
    count = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= FEW_VALUES:
        drawn = random.multinomial(count, counts / count, size=draws)
        return drawn @ distinct / count
    means = np.empty(draws)
    step = max(1, CHUNK // count)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        places = random.randint(0, count, size=(size, count))
        means[start : start + size] = values[places].mean(axis=1)
    return means


def _checked(right: np.ndarray, draws: int, level: float) -> np.ndarray:
    values = np.asarray(right, np.float64)
    if values.ndim != 1:
        raise ValueError(
            f"outcomes must be of shape [N]. Received: shape={values.shape}"
        )
    refuse_empty(values)
    if draws < 1 or not 0 < level < 1:
        raise ValueError(
            "draws must be at least 1 and level between 0 and 1. "
            f"Received: draws={draws}, level={level}"
        )
    return values
