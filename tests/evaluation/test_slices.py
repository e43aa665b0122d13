import numpy as np
import pytest

from kerastricks.evaluation import (
    slices_by_group,
    slices_by_size,
    wilson_interval,
)


def test_parts_are_equal_in_count_and_ordered_by_area():
    sides = np.array([300, 100, 211, 150, 400, 250])
    sizes = np.stack([sides, sides], axis=1)
    right = np.array([1, 0, 1, 1, 0, 0], bool)
    found = slices_by_size(right, sizes, parts=3)
    assert [part.name for part in found] == [
        "up to 150 px",
        "150-250 px",
        "above 250 px",
    ]
    assert [part.count for part in found] == [2, 2, 2]
    assert [part.accuracy for part in found] == [0.5, 0.5, 0.5]
    low, high = wilson_interval(0.5, 2)
    assert (found[0].low, found[0].high) == (low, high)


def test_the_side_is_the_root_of_the_area():
    sizes = np.array([[100, 400], [400, 100], [90, 90], [1000, 100]])
    right = np.array([1, 1, 0, 0])
    found = slices_by_size(right, sizes, parts=3)
    # sides 200, 200, 90, 316: equal ones stay together
    assert [(part.name, part.count, part.accuracy) for part in found] == [
        ("up to 90 px", 1, 0.0),
        ("90-200 px", 2, 1.0),
        ("above 200 px", 1, 0.0),
    ]


def test_images_of_one_size_are_one_part():
    right = np.array([1, 0, 1, 1])
    (found,) = slices_by_size(right, np.full((4, 2), 32))
    assert (found.name, found.count, found.accuracy) == ("32 x 32", 4, 0.75)
    turned = np.array([[30, 40], [40, 30], [30, 40], [40, 30]])
    (found,) = slices_by_size(right, turned)
    assert (found.name, found.count) == ("35 px", 4)
    (found,) = slices_by_size(right, np.array([[9, 9]] * 3 + [[20, 20]]), 1)
    assert (found.name, found.count) == ("9-20 px", 4)


def test_fewer_sizes_than_parts_and_none_lost():
    random = np.random.RandomState(0)
    for _ in range(20):
        sizes = random.randint(1, 6, (random.randint(1, 40), 2)) * 50
        right = random.randint(0, 2, len(sizes))
        found = slices_by_size(right, sizes)
        assert len(found) <= 4
        assert sum(part.count for part in found) == len(right)
        assert all(part.count for part in found)
        hits = sum(part.count * part.accuracy for part in found)
        assert hits == pytest.approx(right.sum())


def test_groups_are_by_name():
    right = np.array([1, 0, 1, 1, 0])
    found = slices_by_group(right, ["b", "a", "b", "b", "a"])
    assert [(part.name, part.count, part.accuracy) for part in found] == [
        ("a", 2, 0.0),
        ("b", 3, 1.0),
    ]
    assert found[1].low == pytest.approx(wilson_interval(1.0, 3)[0])


def test_no_images_are_no_parts():
    assert slices_by_size(np.array([]), np.zeros((0, 2))) == []
    assert slices_by_group(np.array([]), []) == []


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"sizes.shape=\(3,\), images=3"):
        slices_by_size(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="parts=0"):
        slices_by_size(np.ones(3), np.ones((3, 2)), 0)
    with pytest.raises(ValueError, match="groups=2, images=3"):
        slices_by_group(np.ones(3), ["a", "b"])
