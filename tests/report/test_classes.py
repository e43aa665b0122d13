"""Recall by class and its interval; the rest is in test_run_report.py."""

import numpy as np
import pytest

from kerastricks.evaluation import Slice
from kerastricks.report.classes import classes, square

CONFUSION = np.array([[9, 1], [5, 5]])


def test_recall_has_its_interval_where_it_is_known():
    parts = [
        Slice("cat", 10, 0.9, 0.596, 0.982),
        Slice("dog", 10, 0.5, 0.2, 0.8),
    ]
    html = classes(CONFUSION, ["cat", "dog"], parts)
    assert '--v:0.9"></span><i style="--a:0.596;--b:0.982">' in html
    assert html.index("--a:0.2;") < html.index("--a:0.596;")
    assert "95% interval" in html
    without = classes(CONFUSION, ["cat", "dog"])
    assert "--a:" not in without and "95% interval" not in without


def test_the_matrix_must_fit():
    with pytest.raises(ValueError, match="names=3"):
        square(CONFUSION, ["a", "b", "c"])
