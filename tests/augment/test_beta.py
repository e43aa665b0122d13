import math

import numpy as np
import pytest
from keras import ops

from kerastricks.augment.beta import (
    INTERVALS,
    beta_from_uniform,
    incomplete_beta,
    quantiles,
)

pytestmark = pytest.mark.traced

ALPHAS = (0.1, 0.2, 0.4, 1.0, 2.0, 5.0)
NODES = np.arange(INTERVALS + 1) / INTERVALS
# Multiples of 2^-17, as float32 draws are multiples of 2^-24.
DRAWS = ((np.arange(2**16) + 0.5) / 2**16).astype(np.float32)


def beta(draws, alpha):
    drawn = beta_from_uniform(ops.convert_to_tensor(draws), alpha)
    return ops.convert_to_numpy(drawn)


def binomial_tail(x, alpha):
    """I_x(alpha, alpha) of a whole alpha: alpha or more of 2 alpha - 1."""
    n = 2 * alpha - 1
    return sum(
        math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(alpha, n + 1)
    )


def test_alpha_1_is_the_uniform_law():
    np.testing.assert_array_equal(quantiles(1.0), NODES.astype(np.float32))
    np.testing.assert_allclose(beta(DRAWS, 1.0), DRAWS, rtol=1e-6)


def test_alpha_one_half_is_the_arcsine_law():
    np.testing.assert_allclose(
        quantiles(0.5)[:-1], np.sin(np.pi * NODES[:-1] / 2) ** 2, rtol=2e-7
    )


@pytest.mark.parametrize("alpha", [2, 5, 20, 50, 200])
def test_whole_alphas_invert_the_binomial_tail(alpha):
    found = quantiles(float(alpha)).astype(np.float64)
    # float32 quantiles near 1/2, times the density there.
    np.testing.assert_allclose(binomial_tail(found, alpha), NODES, atol=2e-6)
    x = np.linspace(0.1, 0.5, 50)
    np.testing.assert_allclose(
        incomplete_beta(x, float(alpha)), binomial_tail(x, alpha), rtol=1e-10
    )


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2, 0.4])
def test_small_quantiles_follow_the_power_law(alpha):
    # I_x(a, a) -> x^a / (a B(a, a)) as x -> 0.
    log_beta = 2 * math.lgamma(alpha) - math.lgamma(2 * alpha)
    log_x = (np.log(NODES[1:4]) + math.log(alpha) + log_beta) / alpha
    seen = log_x > math.log(1e-37)  # what float32 holds
    np.testing.assert_allclose(
        quantiles(alpha)[1:4][seen], np.exp(log_x[seen]), rtol=1e-5
    )
    assert (quantiles(alpha)[1:4][~seen] < 1e-36).all()


@pytest.mark.parametrize("alpha", ALPHAS)
def test_moments(alpha):
    drawn = beta(DRAWS, alpha).astype(np.float64)
    assert drawn.mean() == pytest.approx(0.5, abs=1e-6)
    assert drawn.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=1e-3)


@pytest.mark.parametrize("alpha", [0.01, *ALPHAS, 1000.0])
def test_tables_are_symmetric_and_rise(alpha):
    table = quantiles(alpha).astype(np.float64)
    assert table[0] == 0 and table[INTERVALS // 2] == 0.5 and table[-1] == 1
    np.testing.assert_allclose(table + table[::-1], 1, atol=1e-7)
    assert (np.diff(table) >= 0).all()
    # Near 1 float32 cannot tell them apart, near 0 it can.
    lower = table[: INTERVALS // 2]
    assert (np.diff(lower[lower > 1e-37]) > 0).all()


def test_draws_are_linear_between_quantiles():
    table = quantiles(0.2).astype(np.float64)
    places = np.array([0.0, 0.25, 1000.75, 2048.0, 3000.5, 4095.5])
    low = np.floor(places).astype(int)
    share = places - low
    expected = (1 - share) * table[low] + share * table[low + 1]
    draws = (places / INTERVALS).astype(np.float32)
    np.testing.assert_allclose(beta(draws, 0.2), expected, rtol=1e-6)


def test_any_shape_and_the_ends_of_the_range():
    draws = np.array([[0.0, 0.5], [0.5, 1 - 2**-24]], np.float32)
    drawn = beta(draws, 2.0)
    np.testing.assert_array_equal(drawn[:, 0], [0, 0.5])
    assert drawn[0, 1] == 0.5 and 0.99 < drawn[1, 1] <= 1
    assert drawn.dtype == np.float32
    assert beta(np.float32(0.5), 2.0) == 0.5


@pytest.mark.parametrize("alpha", [0.0, -1.0, math.nan])
def test_bad_alpha(alpha):
    with pytest.raises(ValueError, match=r"alpha must be above 0.*alpha="):
        quantiles(alpha)
