import itertools
import math
import zlib

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import draws

pytestmark = pytest.mark.traced

MASK = np.uint64(0xFFFFFFFF)
KEYS = np.array(
    [[0, 0], [0, 1], [1, 0], [-1, 2**31 - 1], [-(2**31), 123456789]], np.int32
)

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    COMPILERS = {
        "graph": tf.function,
        "xla": lambda function: tf.function(function, jit_compile=True),
    }
else:
    import jax

    COMPILERS = {"jit": jax.jit}


def lowbias32(bits):
    """The published hash, in 64 bits cut down to 32 after every step."""
    bits = bits ^ (bits >> np.uint64(16))
    bits = (bits * np.uint64(0x7FEB352D)) & MASK
    bits = bits ^ (bits >> np.uint64(15))
    bits = (bits * np.uint64(0x846CA68B)) & MASK
    return bits ^ (bits >> np.uint64(16))


def expected_uniform(keys, purpose, count):
    first, second = (keys.astype(np.int64).T % 2**32).astype(np.uint64)
    word = np.uint64(zlib.crc32(purpose.encode()))
    bits = lowbias32(first ^ word)
    bits = lowbias32((bits + lowbias32(second)) & MASK)
    counters = np.arange(1, count + 1, dtype=np.uint64)
    steps = (counters * np.uint64(0x9E3779B9)) & MASK
    bits = lowbias32((bits[:, None] + steps) & MASK)
    return (bits >> np.uint64(8)).astype(np.float64) / 2**24


def uniform(keys, purpose="test", count=1):
    drawn = draws.uniform(np.asarray(keys, np.int32), purpose, count)
    return ops.convert_to_numpy(drawn)


def grid(size):
    """Keys [size * size, 2] = (step, place), the least random there are."""
    return np.stack(np.mgrid[:size, :size], axis=-1).reshape(-1, 2)


def correlation(one, other):
    return np.corrcoef(one, other)[0, 1]


def test_bits_equal_the_hash_in_numpy():
    keys = np.random.RandomState(0).randint(-(2**31), 2**31, (200, 2))
    keys = np.concatenate([KEYS, keys.astype(np.int32)])
    for purpose in ("flip", "mixup order", ""):
        drawn = uniform(keys, purpose, 7)
        assert drawn.dtype == np.float32
        np.testing.assert_array_equal(
            drawn, expected_uniform(keys, purpose, 7).astype(np.float32)
        )


def test_draws_are_these_numbers_on_every_backend_for_ever():
    np.testing.assert_array_equal(
        np.round(uniform(KEYS, "flip", 2) * 2**24).astype(int),
        [
            [9496371, 7687039],
            [11746922, 10073465],
            [1942246, 11956780],
            [7339847, 13524312],
            [15024987, 12231132],
        ],
    )


@pytest.mark.parametrize("compiler", COMPILERS)
def test_compiled_and_eager_draws_are_the_same(compiler):
    compiled = COMPILERS[compiler](
        lambda keys: (
            draws.uniform(keys, "a", 3),
            draws.uniform(keys[:1], "b")[0, 0],
            draws.permutation(keys, "c"),
        )
    )
    keys = ops.convert_to_tensor(np.int32(grid(6)))
    numbers, number, order = map(ops.convert_to_numpy, compiled(keys))
    np.testing.assert_array_equal(numbers, uniform(keys, "a", 3))
    np.testing.assert_array_equal(number, uniform(keys, "b")[0, 0])
    np.testing.assert_array_equal(order, np.argsort(uniform(keys, "c")[:, 0]))


def test_a_draw_depends_on_its_own_key_alone():
    keys = grid(20)
    whole = uniform(keys, count=3)
    order = np.random.RandomState(0).permutation(len(keys))
    np.testing.assert_array_equal(uniform(keys[order], count=3), whole[order])
    np.testing.assert_array_equal(uniform(keys[7:8], count=3), whole[7:8])
    np.testing.assert_array_equal(uniform(keys, count=1), whole[:, :1])


@pytest.mark.parametrize("flipped", [1 << bit for bit in (0, 3, 17, 31)])
@pytest.mark.parametrize("part", [0, 1])
def test_one_bit_of_a_key_changes_half_of_the_bits(part, flipped):
    keys = grid(50)
    other = keys.copy()
    other[:, part] ^= flipped
    other = other.astype(np.uint32).astype(np.int32)
    changed = (uniform(keys) * 2**24).astype(int) ^ (
        uniform(other) * 2**24
    ).astype(int)
    share = [np.mean(changed >> bit & 1) for bit in range(24)]
    # 2,500 keys: the deviation of each share is .01.
    np.testing.assert_allclose(share, 0.5, atol=0.045)


def test_draws_are_uniform():
    keys = grid(200)
    for column in uniform(keys, count=3).T:
        assert 0 <= column.min() and column.max() < 1
        counts = np.histogram(column, 64, (0, 1))[0]
        expected = len(keys) / 64
        statistic = np.sum((counts - expected) ** 2) / expected
        # 63 degrees of freedom: between these in all but 1 of 10^4 draws.
        assert 27 < statistic < 115


def test_purposes_counters_and_neighbours_are_independent():
    size = 200
    keys = grid(size)
    a = uniform(keys, "a", 2)
    b = uniform(keys, "b", 1)[:, 0]
    field = a[:, 0].reshape(size, size)
    pairs = {
        "purposes": (a[:, 0], b),
        "counters": (a[:, 0], a[:, 1]),
        "next place": (field[:, 1:].ravel(), field[:, :-1].ravel()),
        "next step": (field[1:].ravel(), field[:-1].ravel()),
        "swapped": (field.ravel(), field.T.ravel()),
    }
    for name, (one, other) in pairs.items():
        if name == "swapped":  # its diagonal is equal, 1 in 200
            one, other = (x[keys[:, 0] != keys[:, 1]] for x in (one, other))
        # 40,000 pairs: the deviation of a correlation is .005.
        assert abs(correlation(one, other)) < 0.02, name


def test_permutation_sorts_the_draws():
    for step in range(3):
        keys = np.int32(grid(5)) + step
        order = ops.convert_to_numpy(draws.permutation(keys, "order"))
        assert sorted(order) == list(range(25))
        np.testing.assert_array_equal(
            order, np.argsort(uniform(keys, "order")[:, 0])
        )


def test_every_permutation_of_four_is_as_frequent():
    batches = 24_000
    keys = np.stack(np.mgrid[:batches, :4], axis=-1).reshape(-1, 2)
    orders = np.argsort(uniform(keys, "order").reshape(batches, 4), axis=1)
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for order in orders:
        counts[tuple(order.tolist())] += 1
    found = np.array(list(counts.values()))
    assert len(found) == 24
    statistic = np.sum((found - batches / 24) ** 2) / (batches / 24)
    # 23 degrees of freedom: between these in all but 1 of 10^3 draws.
    assert 7 < statistic < 50


def test_an_order_ranks_the_draws_of_each_sample():
    keys = grid(4)
    for count in (1, 2, 5):
        order = draws.order_of(np.int32(keys), "order", count)
        order = ops.convert_to_numpy(order)
        drawn = uniform(keys, "order", count)
        expected = drawn.argsort(axis=1).argsort(axis=1)
        assert order.dtype == np.int32
        np.testing.assert_array_equal(order, expected)


def test_equal_draws_still_give_an_order(monkeypatch):
    equal = [[0.5, 0.5, 0.5, 0.5], [0.7, 0.2, 0.7, 0.2], [0.1, 0.9, 0.9, 0.1]]
    equal = ops.convert_to_tensor(np.array(equal, np.float32))
    monkeypatch.setattr(draws, "uniform", lambda keys, purpose, count: equal)
    found = ops.convert_to_numpy(draws.order_of(None, "order", 4))
    expected = [[0, 1, 2, 3], [2, 0, 3, 1], [0, 2, 3, 1]]
    np.testing.assert_array_equal(found, expected)


def test_every_order_of_three_is_as_frequent():
    orders = draws.order_of(np.int32(grid(110)), "order", 3)
    orders = ops.convert_to_numpy(orders)
    found = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(found) == 6
    expected = 110**2 / 6
    # 5 degrees of freedom: below this in all but 1 of 10^3 draws.
    assert np.sum((found - expected) ** 2) / expected < 20.5


@pytest.mark.parametrize("low, high", [(0.6, 1.4), (-30.0, 30.0), (2.0, 2.0)])
def test_between_stretches_draws(low, high):
    drawn = np.array([0, 0.25, 0.5, 1 - 2**-24], np.float32)
    found = ops.convert_to_numpy(
        draws.between(ops.convert_to_tensor(drawn), low, high)
    )
    expected = low + drawn.astype(np.float64) * (high - low)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert found[0] == np.float32(low) and found.max() <= np.float32(high)


def test_integers_are_below_the_count_even_for_the_largest_draw():
    counts = np.r_[np.arange(1, 3000), 2**20, 2**20 + 1].astype(np.int32)
    largest = np.full(len(counts), 1 - 2**-24, np.float32)
    found = ops.convert_to_numpy(draws.integers(largest, counts))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, counts - 1)
    found = ops.convert_to_numpy(draws.integers(0 * largest, counts))
    np.testing.assert_array_equal(found, 0)


def test_integers_are_equal_shares_of_the_range():
    drawn = ((np.arange(700) + 0.5) / 700).astype(np.float32)
    found = ops.convert_to_numpy(draws.integers(drawn, 7))
    np.testing.assert_array_equal(found, np.arange(700) // 100)
    # A share begins with its border.
    borders = (np.arange(8) / 8).astype(np.float32)
    found = ops.convert_to_numpy(draws.integers(borders, 8))
    np.testing.assert_array_equal(found, np.arange(8))


def test_normal_is_box_and_mullers_of_uniform_draws():
    keys = grid(8)
    found = ops.convert_to_numpy(draws.normal(np.int32(keys), "noise", 3))
    drawn = uniform(keys, "noise", 6).astype(np.float64)
    radius = np.sqrt(-2 * np.log1p(-drawn[:, :3]))
    expected = radius * np.cos(2 * np.pi * drawn[:, 3:])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_normal_draws_are_standard_and_independent():
    found = draws.normal(np.int32(grid(200)), "noise", 2)
    found = ops.convert_to_numpy(found).astype(np.float64)
    for column in found.T:
        assert abs(column.mean()) < 0.02  # deviation .005
        assert abs(column.var() - 1) < 0.03  # deviation .007
        assert abs(np.mean(column**4) - 3) < 0.25  # deviation .05
        for level in (0.5, 1, 2):
            share = np.mean(np.abs(column) < level)
            assert abs(share - math.erf(level / math.sqrt(2))) < 0.01
    assert abs(correlation(*found.T)) < 0.02
    # The largest radius is that of the largest draw, 1 - 2^-24.
    assert np.abs(found).max() < math.sqrt(2 * 24 * math.log(2))
