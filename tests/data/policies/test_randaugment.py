"""RandAugment: torchvision's tables and sequences, statistics of the draws."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.crop import uniform
from kerastricks.data.policies import magnitudes
from kerastricks.data.policies.randaugment import (
    NAMES,
    RandAugment,
    rand_augment,
    space,
)
from kerastricks.errors import InputError


def test_magnitudes_are_torchvisions_for_every_size(golden, check_space):
    for size in golden["about"]["sizes"]:
        rows = check_space(golden, "rand", NAMES, space(*size), *size)
        assert sorted(rows) == list(range(14))
    np.testing.assert_array_equal(
        magnitudes.signs(NAMES)[rows], golden["signed/rand"]
    )


def test_sequences_are_torchvisions(golden, picture):
    for sequence, expected in zip(
        golden["about"]["sequences"], golden["sequences"], strict=True
    ):
        new = rand_augment(
            tf.constant(picture),
            tf.constant([NAMES.index(name) for name, _ in sequence]),
            tf.constant([negative for _, negative in sequence]),
            magnitude=9,
        )
        np.testing.assert_array_equal(new, expected)


@pytest.mark.parametrize("m", [0, 30])
def test_ends_of_the_range(picture, m):
    """At 0 only what has no strength changes anything."""
    changed = set()
    for index, name in enumerate(NAMES):
        new = rand_augment(
            tf.constant(picture), tf.constant([index]), tf.constant([True]), m
        )
        if not np.array_equal(new, picture):
            changed.add(name)
    free = {"Equalize", "Solarize"}  # at 255 solarize still inverts white
    expected = free if m == 0 else set(NAMES) - {"Identity", "AutoContrast"}
    assert expected <= changed | {"Solarize"} and "Identity" not in changed
    assert m == 30 or changed <= free | {"AutoContrast"}


def test_same_key_same_image_and_other_keys_others(picture, run_many):
    policy = RandAugment()
    first, again = (run_many(policy, picture, 24) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len({image.tobytes() for image in first}) > 15
    alone = policy(tf.constant(picture), tf.constant([5, 3]))
    np.testing.assert_array_equal(alone, first[3])


def test_operations_and_signs_are_uniform():
    count = 14000
    keys = tf.stack([tf.fill([count], 1), tf.range(count)], axis=1)
    samples = tf.data.Dataset.from_tensor_slices(keys)
    samples = samples.map(lambda key: uniform([2, 2], key)).batch(count)
    draws = next(iter(samples)).numpy()
    drawn = (draws[:, 0] * 14).astype(int)
    expected = count / 14
    for position in (0, 1):
        counts = np.bincount(drawn[:, position], minlength=14)
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert chi_squared < 34.5  # 99.9th percentile of 13 degrees
    negative = draws[:, 1] < 0.5
    assert abs(negative.mean() - 0.5) < 0.01
    # One does not tell the other.
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.03
    assert abs(np.corrcoef(drawn[:, 0], negative[:, 0])[0, 1]) < 0.03


def test_applied_operations_are_the_drawn_ones(picture, run_many):
    """One operation each: what has a sign is there twice, half as often."""
    images = run_many(RandAugment(num_ops=1, magnitude=9), picture, 280)
    kinds, counts = np.unique(
        [image.tobytes() for image in images], return_counts=True
    )
    assert len(kinds) == 9 * 2 + 5
    assert 2 <= counts.min() < 10 and 20 < counts.max() < 40


def test_fill_reaches_the_border():
    white = tf.fill([16, 16, 3], tf.constant(255, tf.uint8))
    index = tf.constant([NAMES.index("TranslateX")])
    new = rand_augment(white, index, tf.constant([False]), 9, fill=124)
    assert np.unique(new.numpy()).tolist() == [124, 255]


@pytest.mark.parametrize("n, m", [(0, 9), (2, 31), (2, -1)])
def test_bad_numbers_are_refused(n, m):
    with pytest.raises(InputError, match=f"0 to 30. Received: n={n}, m={m}"):
        RandAugment(n, m)
