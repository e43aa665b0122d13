"""The parts of the command; the whole of it is in test_evaluate.py."""

import numpy as np
import pytest

from kerastricks.assess import evaluation
from kerastricks.assess.evaluation import (
    chosen,
    heated,
    history,
)
from kerastricks.errors import InputError
from kerastricks.outcome import Outcome
from kerastricks.run_dir import RunDir

LABELS = np.array([0, 1, 1])
BETTER = Outcome(np.array([[3.0, 0], [0, 3], [0, 1]]), LABELS)
WORSE = Outcome(np.array([[3.0, 0], [9, 0], [1, 0]]), LABELS)


def test_the_worst_mistakes_are_looked_into_unless_others_are_named(asked):
    run = asked(WORSE)
    assert chosen(run, WORSE, 8, []) == [1, 2]
    assert chosen(run, WORSE, 1, []) == [1]
    assert chosen(run, WORSE, 0, []) == []
    assert chosen(run, WORSE, 8, ["b/2.jpg", "a/1.jpg"]) == [2, 0]
    with pytest.raises(InputError, match="such as a/1.jpg. Received: c.jpg"):
        chosen(run, WORSE, 8, ["c.jpg"])


def test_a_model_without_feature_maps_is_noted(monkeypatch, asked):
    def refuse(*arguments):
        raise ValueError("Grad-CAM needs features")

    monkeypatch.setattr(evaluation.pictures, "heat", refuse)
    shown, notes = heated(asked(WORSE), WORSE, [1])
    assert shown == [] and notes == ["no Grad-CAM: Grad-CAM needs features"]


def test_history_is_read_as_numbers(tmp_path):
    assert history(RunDir(tmp_path)) == []
    text = "epoch,val_top1,average_top1\n1,0.5,\n2,0.75,0.8\n"
    (tmp_path / "metrics.csv").write_text(text)
    assert history(RunDir(tmp_path)) == [
        {"epoch": 1, "val_top1": 0.5},
        {"epoch": 2, "val_top1": 0.75, "average_top1": 0.8},
    ]
