"""Exact and near pairs, and what follows from them."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.inspection.duplicates import (
    FILE,
    NEAR,
    PIXELS,
    duplicates,
    joined,
)
from kerastricks.data.inspection.facts import Facts, looker

look = looker(encoded=True)


def png(image, level=6):
    return tf.io.encode_png(image, compression=level).numpy()


@pytest.fixture(scope="module")
def found(photo):
    """0 to 3 are of training, 4 to 8 of validation; 5 is broken."""
    a, b, c = photo(1), photo(2), photo(3)
    files = [
        png(a),
        png(b),
        png(a),
        png(c),
        png(a, level=1),
        b"broken",
        png(b[:, ::-1]),
        png(photo(4)),
        png(photo(4)),
    ]
    return duplicates([look(data) for data in files])


SPLITS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])


def test_pairs(found):
    assert [(p.first, p.second, p.kind, p.mirrored) for p in found.pairs] == [
        (0, 2, FILE, False),
        (0, 4, PIXELS, False),
        (7, 8, FILE, False),
        (1, 6, NEAR, True),
    ]


def test_groups(found):
    np.testing.assert_array_equal(found.groups, [0, 1, 0, 3, 0, 5, 1, 7, 7])


def test_across_and_within(found):
    across = [(p.first, p.second) for p in found.between(SPLITS)]
    assert across == [(0, 4), (1, 6)]
    assert found.leaked(SPLITS) == {4: FILE, 6: NEAR}
    assert [p.second for p in found.within(SPLITS, 0)] == [2]
    assert [p.second for p in found.within(SPLITS, 1)] == [8]
    assert found.too_many(SPLITS, 0) == 1
    assert found.too_many(SPLITS, 1) == 1


def test_conflicts(found):
    labels = np.array([0, 1, 0, 0, 1, 0, 1, 2, 2])
    assert [p.second for p in found.in_conflict(labels)] == [4]
    rows = np.eye(3)[labels]
    rows[8, 0] = 1
    assert [p.second for p in found.in_conflict(rows)] == [4, 8]


def test_leak_through_a_like_image_of_the_same_split(photo):
    """5 equals 4 to the bit, 4 is nearly 0: both are leaks."""
    a = photo(1)
    brighter = (a * 1.1).clip(0, 255).astype(np.uint8)
    images = [a, photo(2), photo(3), photo(5), brighter, brighter]
    found = duplicates([look(png(image)) for image in images])
    splits = np.array([0, 0, 0, 0, 1, 1])
    assert found.leaked(splits) == {4: NEAR, 5: NEAR}
    assert found.too_many(splits, 1) == 1


def test_nothing_readable():
    found = duplicates([Facts("empty"), Facts("no image")])
    assert found.pairs == () and found.groups.tolist() == [0, 1]
    assert duplicates([]).pairs == ()


def test_joining_is_transitive():
    from kerastricks.data.inspection.duplicates import Pair

    pairs = [Pair(3, 4, NEAR), Pair(1, 3, NEAR), Pair(0, 2, NEAR)]
    assert joined(6, pairs).tolist() == [0, 1, 0, 1, 1, 5]
