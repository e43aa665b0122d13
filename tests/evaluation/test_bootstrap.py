import math

import numpy as np
import pytest

from kerastricks.evaluation import (
    bootstrap,
    bootstrap_interval,
    paired_difference,
)


def binomial_quantile(count, share, level):
    total = 0.0
    for k in range(count + 1):
        total += math.comb(count, k) * share**k * (1 - share) ** (count - k)
        if total >= level:
            return k / count
    raise AssertionError


def test_of_rights_and_wrongs_it_is_the_binomial_law():
    right = np.arange(100) < 70
    expected = [binomial_quantile(100, 0.7, q) for q in (0.025, 0.975)]
    assert expected == [0.61, 0.79]
    np.testing.assert_allclose(bootstrap_interval(right, 20_000), expected)
    at_half = [binomial_quantile(100, 0.7, q) for q in (0.25, 0.75)]
    found = bootstrap_interval(right, 20_000, level=0.5)
    np.testing.assert_allclose(found, at_half)


def test_two_values_by_hand():
    """Means 0, 1/2, 1 with chances 1/4, 1/2, 1/4."""
    assert bootstrap_interval(np.array([0.0, 1.0]), level=0.95) == (0, 1)
    assert bootstrap_interval(np.array([0.0, 1.0]), level=0.4) == (0.5, 0.5)
    assert bootstrap_interval(np.ones(9, bool)) == (1, 1)


def test_of_many_values_it_is_nearly_normal():
    values = np.random.RandomState(0).uniform(size=2000)
    low, high = bootstrap_interval(values, draws=4000)
    reach = 1.96 * values.std() / math.sqrt(2000)
    expected = values.mean() - reach, values.mean() + reach
    np.testing.assert_allclose((low, high), expected, atol=reach * 0.06)


def test_the_stream_is_frozen_and_chunks_do_not_change_it(monkeypatch):
    right = np.arange(500) % 3 > 0
    values = np.arange(300.0) ** 2
    found = bootstrap_interval(right), bootstrap_interval(values, draws=50)
    np.testing.assert_allclose(found[0], (0.622, 0.70605), rtol=1e-12)
    np.testing.assert_allclose(found[1], FROZEN, rtol=1e-12)
    monkeypatch.setattr(bootstrap, "CHUNK", 900)
    assert bootstrap_interval(values, draws=50) == found[1]
    assert bootstrap_interval(values, draws=50, seed=1) != found[1]


FROZEN = (28164.708333333332, 32465.807666666668)


def test_what_both_miss_does_not_widen_a_paired_difference():
    """b mends 10 of a's 500 mistakes and makes none: binomial(1000, .01)."""
    before = np.arange(1000) < 500
    after = np.arange(1000) < 510
    found = paired_difference(before, after, draws=20_000)
    assert found.value == pytest.approx(0.01)
    expected = [binomial_quantile(1000, 0.01, q) for q in (0.025, 0.975)]
    np.testing.assert_allclose((found.low, found.high), expected)
    assert found.low > 0
    back = paired_difference(after, before, draws=20_000)
    assert back.value == pytest.approx(-0.01) and back.high < 0


def test_gains_and_losses_are_drawn_together():
    """20 won, 10 lost of 400: sd of the mean sqrt((30 - 100 / 400) / 400²)."""
    before, after = np.ones(400), np.ones(400)
    before[:20], after[20:30] = 0, 0
    found = paired_difference(before, after, draws=20_000)
    assert found.value == pytest.approx(0.025)
    reach = 1.96 * math.sqrt(30 - 100 / 400) / 400
    np.testing.assert_allclose(
        (found.low, found.high), (0.025 - reach, 0.025 + reach), atol=0.003
    )


def test_the_same_model_twice_is_no_difference():
    right = np.arange(50) % 2
    found = paired_difference(right, right)
    assert found == bootstrap.Difference(0.0, 0.0, 0.0)


def test_nan_is_not_hidden():
    assert np.isnan(bootstrap_interval(np.array([1.0, math.nan]))).all()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="N=0"):
        bootstrap_interval(np.array([]))
    with pytest.raises(ValueError, match=r"shape=\(2, 2\)"):
        bootstrap_interval(np.ones((2, 2)))
    with pytest.raises(ValueError, match="draws=0"):
        bootstrap_interval(np.ones(3), draws=0)
    with pytest.raises(ValueError, match="level=1"):
        bootstrap_interval(np.ones(3), level=1)
    with pytest.raises(ValueError, match=r"a.shape=\(3,\), b.shape=\(4,\)"):
        paired_difference(np.ones(3), np.ones(4))
