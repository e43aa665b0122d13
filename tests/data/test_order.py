"""Orders: permutations without state, balanced classes, repeated images."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import order

# 3 classes of 2, 7 and 5 images, interleaved.
LABELS = np.array([0, 1, 1, 2, 1, 2, 1, 0, 2, 1, 2, 1, 2, 1])
COUNT = len(LABELS)


def epochs(index_at, count, positions=COUNT):
    """[count, positions] indices."""
    places = tf.range(positions, dtype=tf.int64)
    return np.stack(
        [index_at(tf.constant(e, tf.int64), places) for e in range(count)]
    )


def test_uniform_shows_every_image_once_an_epoch():
    found = epochs(order.create(LABELS, seed=3), 5)
    assert (np.sort(found, axis=1) == np.arange(len(LABELS))).all()
    assert len({tuple(row) for row in found}) == 5


def test_repeated_images_stand_in_a_row():
    plain = epochs(order.create(LABELS, seed=3), 2)
    found = epochs(order.create(LABELS, seed=3, repeat=3), 2)
    np.testing.assert_array_equal(found, plain[:, np.arange(14) // 3])
    for repeat in (0, 1):
        same = epochs(order.create(LABELS, seed=3, repeat=repeat), 2)
        np.testing.assert_array_equal(same, plain)


def test_balanced_shows_every_class_in_every_stretch():
    """Two epochs of 12 positions: 8 stretches of the 3 classes."""
    found = epochs(order.create(LABELS, "balanced", seed=1), 2, 12)
    classes = LABELS[found].reshape(8, 3)
    assert (np.sort(classes, axis=1) == [0, 1, 2]).all()
    assert len({tuple(row) for row in classes}) > 2


def test_balanced_goes_through_a_class_before_it_repeats():
    """30 epochs of 5 rounds, the last of which is cut short: 150 rounds."""
    index_at = order.create(LABELS, "balanced", seed=1)
    found = epochs(index_at, 30, 15).reshape(150, 3)
    for label, size in enumerate((2, 7, 5)):
        shown = found[LABELS[found] == label]
        assert len(shown) == 150
        cycles = shown[: 150 // size * size].reshape(-1, size)
        assert all(len(set(cycle)) == size for cycle in cycles)
        assert len({tuple(cycle) for cycle in cycles}) > 1


def test_seed_makes_the_balanced_order():
    first = epochs(order.create(LABELS, "balanced", seed=1), 3)
    again = epochs(order.create(LABELS, "balanced", seed=1), 3)
    other = epochs(order.create(LABELS, "balanced", seed=2), 3)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("classes", [5, 16])
def test_balanced_puts_every_class_everywhere_as_often(classes):
    """Chi-squared of (place in the stretch, class), 1,000 stretches."""
    labels = np.arange(classes * 3) % classes
    index_at = order.create(labels, "balanced", seed=0)
    found = epochs(index_at, 1, 1000 * classes)[0]
    seen = (found % classes).reshape(1000, classes)
    counts = np.stack([np.bincount(column) for column in seen.T])
    chi2 = ((counts - 1000 / classes) ** 2).sum() / (1000 / classes)
    degrees = (classes - 1) ** 2
    assert abs(chi2 - degrees) < 5 * (2 * degrees) ** 0.5


def test_mix_is_lowbias32():
    """By hand, in whole numbers modulo 2^32."""

    def mixed(x):
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
            x = (x ^ x >> shift) * factor % 2**32
        return x ^ x >> 16

    numbers = [0, 1, 2, 0xDEADBEEF, 2**32 - 1]
    got = order.mix(tf.constant(numbers, tf.uint32)).numpy()
    assert got.tolist() == [mixed(number) for number in numbers]


def test_class_without_images_is_passed_over():
    labels = np.array([0, 0, 2, 2, 2])
    index_at = order.create(labels, "balanced", seed=1)
    seen = labels[
        index_at(tf.constant(0, tf.int64), tf.range(4, dtype=tf.int64))
    ]
    assert sorted(seen) == [0, 0, 2, 2]
