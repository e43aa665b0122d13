"""Means of weights, of runs and of checkpoints, and which are taken in."""

import types

import numpy as np

from kerastricks.weight_soup import (
    Measured,
    greedy,
    mean_weights,
)


def part(name, top1, loss=1.0):
    return Measured(name, [], np.zeros(0), {"top1": top1, "loss": loss})


def test_greedy_takes_in_what_does_not_lower_the_score():
    scores = {"b": 0.7, "bc": 0.7, "bca": 0.6, "bcd": 0.8}
    tried = []

    def mean(name, parts):
        key = "".join(one.name for one in parts)
        tried.append(key)
        found = part(name, scores[key])
        return types.SimpleNamespace(score=found.score, parts=tuple(key))

    parts = [
        part("a", 0.6),
        part("b", 0.7, loss=0.9),
        part("c", 0.7),
        part("d", 0.5),
    ]
    said = []
    assert greedy(parts, mean, said.append).parts == ("b", "c", "d")
    assert tried == ["b", "bc", "bca", "bcd"]
    assert said == [
        "  b: the best one, 70.00%",
        "  with c: 70.00%, kept",
        "  with a: 60.00%, left out",
        "  with d: 80.00%, kept",
    ]


def test_means_keep_types_and_the_first_ones_counters():
    tiny = np.float32(2**-24)
    found = mean_weights(
        [
            [np.float32([1, 1 + 2 * tiny]), np.int64([3])],
            [np.float32([2, 1]), np.int64([9])],
            [np.float32([6, 1]), np.int64([9])],
        ]
    )
    np.testing.assert_array_equal(found[0], np.float32([3, 1]))
    assert found[0].dtype == np.float32
    np.testing.assert_array_equal(found[1], [3])
