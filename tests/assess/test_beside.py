"""What stands side by side, and what it comes to."""

import numpy as np
import pytest

from kerastricks.assess.beside import side_by_side, told_apart
from kerastricks.assess.findings import find
from kerastricks.evaluation.tta import Tta
from kerastricks.outcome import Outcome

LABELS = np.array([0, 1, 1])
BETTER = Outcome(np.array([[3.0, 0], [0, 3], [0, 1]]), LABELS)
WORSE = Outcome(np.array([[3.0, 0], [9, 0], [1, 0]]), LABELS)


def test_the_gain_of_views_is_told_with_its_price(asked):
    found = find(BETTER, ["a", "b"])
    rows, words = side_by_side([asked(BETTER, WORSE)], found, Tta("tencrop"))
    assert [name for name, _ in rows] == ["plain", "tencrop"]
    assert rows[0][1]["top1"] == pytest.approx(1 / 3)
    assert words.startswith(
        "tencrop, the mean of probabilities: +66.67 points of top-1 ("
    )
    assert words.endswith("at x 10 the price.")


def test_an_ensemble_is_held_against_its_best_member(asked):
    members = [asked(WORSE, name="w"), asked(BETTER, name="b")]
    rows, words = side_by_side(members, find(WORSE, ["a", "b"]), None)
    assert [name for name, _ in rows] == ["w", "b", "together"]
    assert "average of 2 runs is -66.67 points" in words


def test_one_run_as_it_is_has_nothing_beside_it(asked):
    found = find(BETTER, ["a", "b"])
    assert side_by_side([asked(BETTER)], found, None) == ([], "")


def test_equal_names_are_told_apart():
    assert told_apart(["x", "y"]) == ["x", "y"]
    assert told_apart(["a", "run", "run"]) == ["a", "run (2)", "run (3)"]
