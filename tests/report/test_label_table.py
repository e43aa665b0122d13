import numpy as np
import pytest

from kerastricks.evaluation import LabelScores
from kerastricks.report.label_table import label_table


def scores(average_precision, support):
    some = np.full(len(support), 0.5)
    return LabelScores(
        np.array(average_precision), some, some, some, np.array(support)
    )


def test_many_classes_have_their_worst_and_bars_are_shares():
    precision = np.arange(40) / 40
    names = [f"class {i}." for i in range(40)]
    html = label_table(scores(precision, np.arange(40)), names)
    assert html.count("<tr>") == 1 + 30
    assert "class 0." not in html and "class 31." not in html
    assert html.index("class 1.") < html.index("class 30.")
    assert "--v:0.025" in html and ">2.5<" in html
    assert "The other 9 classes do no worse." in html
    assert "Classes that no image here has: 1." in html


def test_a_diverged_model_has_no_bars():
    html = label_table(scores([np.nan, np.nan], [3, 4]), ["a", "b"])
    assert html.count("<td>NaN</td>") == 2
    assert "do no worse" not in html and "no image here" not in html


def test_names_are_text():
    html = label_table(scores([0.5, 0.6], [3, 4]), ["<b>", "b"])
    assert "<b>" not in html and "&lt;b&gt;" in html


def test_scores_must_fit_their_names():
    with pytest.raises(ValueError, match="scores=2, names=1"):
        label_table(scores([0.5, 0.6], [3, 4]), ["a"])
