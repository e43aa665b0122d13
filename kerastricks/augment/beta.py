"""Beta(a, a) draws from uniform ones, by a table of quantiles.

A ratio of gamma draws does not compile under TensorFlow's XLA and underflows
for small a (of keras.random.beta's draws at a = .01, 18% are exactly 0.5). A
table does neither: 4,096 intervals of equal probability, linear within.
"""

import functools
import math
from typing import Any

import numpy as np
from keras import ops

INTERVALS = 4096


def beta_from_uniform(draws: Any, alpha: float) -> Any:
    """Draws in [0, 1) -> draws of Beta(alpha, alpha), any shape."""
    table = ops.convert_to_tensor(quantiles(alpha))
    place = draws * INTERVALS
    index = ops.cast(ops.floor(place), "int32")
    low = ops.take(table, index)
    high = ops.take(table, index + 1)
    return low + (place - ops.floor(place)) * (high - low)


@functools.cache
def quantiles(alpha: float) -> np.ndarray:
    """float32 [INTERVALS + 1]: quantiles at 0, 1/INTERVALS, ..., 1."""
    if not alpha > 0:
        raise ValueError(f"alpha must be above 0. Received: alpha={alpha}")
    half = INTERVALS // 2
    target = np.arange(1, half) / INTERVALS
    # Bisection on the logarithm: for small alpha half of the mass is far
    # below any grid on [0, 1].
    low = np.full(half - 1, -745.0)  # log of the smallest double
    high = np.full(half - 1, math.log(0.5))
    for _ in range(60):
        middle = (low + high) / 2
        below = incomplete_beta(np.exp(middle), alpha) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    lower = np.concatenate([[0.0], np.exp(high), [0.5]])
    return np.concatenate([lower, 1 - lower[-2::-1]]).astype(np.float32)


def incomplete_beta(x: np.ndarray, alpha: float) -> np.ndarray:
    """Regularised I_x(alpha, alpha) for x <= 1/2, by a series.

    I_x(a, a) = (x (1-x))^a / (a B(a, a)) * sum_n t_n,
        t_0 = 1,  t_n = t_{n-1} (2a + n - 1) / (a + n) x     (DLMF 8.17.8)

    No term is negative, so nothing cancels however large a is.
    """
    log_beta = 2 * math.lgamma(alpha) - math.lgamma(2 * alpha)
    total = np.ones_like(x)
    term = np.ones_like(x)
    # Past n = a terms halve; before, they fall like exp(-n^2 / 4a).
    for n in range(1, 60 + math.ceil(12 * math.sqrt(alpha))):
        term = term * (2 * alpha + n - 1) / (alpha + n) * x
        total += term
    log_front = alpha * (np.log(x) + np.log1p(-x)) - math.log(alpha) - log_beta
    return np.exp(log_front) * total
