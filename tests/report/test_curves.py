"""Curves by epoch; most of it is in test_run_report.py."""

import math

from kerastricks.report.curves import best_of, column, epochs_of, train_val


def test_a_missing_number_is_a_gap():
    rows = [{"loss": 1}, {}, {"loss": None}]
    found = column(rows, "loss")
    assert found[0] == 1 and all(map(math.isnan, found[1:]))


def test_epochs_are_counted_where_they_are_not_told():
    assert epochs_of([{"epoch": 3}, {}, {"epoch": math.nan}]) == [3, 2, 3]


def test_curves_are_those_that_there_are():
    rows = [{"top1": 0.5, "val_top1": 0.25, "average_top1": 0.75}]
    series = train_val(rows, "top1", 100)
    assert [(one.name, list(one.y), one.dashed) for one in series] == [
        ("training", [50], True),
        ("average's validation", [75], True),
        ("validation", [25], False),
    ]


def test_the_best_epoch_in_words():
    assert best_of((3, 91.234), "%") == "Best validation 91.23%, in epoch 3."
    assert best_of(None, "%") == ""
