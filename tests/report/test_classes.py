"""Recall by class and its interval; the rest is in test_run_report.py."""

import numpy as np
import pytest

from kerastricks.report.classes import classes, square

CONFUSION = np.array([[9, 1], [5, 5]])


def test_recall_has_its_interval():
    html = classes(CONFUSION, ["cat", "dog"])
    assert '--v:0.9"></span><i style="--a:0.5958;--b:0.9821">' in html
    assert html.index("--a:0.2366;") < html.index("--a:0.5958;")
    assert "95% interval" in html


def test_the_matrix_must_fit():
    with pytest.raises(ValueError, match="names=3"):
        square(CONFUSION, ["a", "b", "c"])
