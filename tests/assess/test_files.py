"""The files of an evaluation."""

import json
import math

import numpy as np
import pytest

from kerastricks.assess.files import (
    class_rows,
    csv_text,
    evaluation_json,
    prediction_rows,
)
from kerastricks.assess.findings import find
from kerastricks.evaluation import Difference
from kerastricks.outcome import Outcome
from kerastricks.report.comparison import Comparison

NAMES = ["a", "b, c"]
LOGITS = np.log([[0.8, 0.2], [0.4, 0.6], [0.75, 0.25]])


@pytest.fixture
def outcome():
    return Outcome(LOGITS, np.array([0, 0, 1], np.int32))


def test_an_image_has_its_probability_and_loss(outcome):
    rows = list(prediction_rows(outcome, NAMES, ["x", "y", "z"]))
    assert rows[0] == {
        "name": "x",
        "label": "a",
        "predicted": "a",
        "probability": "0.8",
        "loss": f"{-math.log(0.8):.6g}",
        "right": 1,
    }
    assert (rows[1]["predicted"], rows[1]["right"]) == ("b, c", 0)
    assert rows[2]["loss"] == f"{-math.log(0.25):.6g}"


def test_several_labels_have_semicolons_between():
    logits = np.array([[1.0, 2.0], [-1.0, -2.0]])
    outcome = Outcome(logits, np.array([[1, 1], [0, 0]], np.float32))
    rows = list(prediction_rows(outcome, NAMES, ["x", "y"]))
    assert rows[0]["label"] == rows[0]["predicted"] == "a;b, c"
    assert rows[1]["label"] == rows[1]["predicted"] == ""
    assert [row["right"] for row in rows] == [1, 0]


def test_a_comma_in_a_name_is_quoted(outcome):
    text = csv_text(prediction_rows(outcome, NAMES, ["x", "\udce9", "z"]))
    lines = text.splitlines()
    assert lines[0] == "name,label,predicted,probability,loss,right"
    assert lines[2].startswith('?,a,"b, c",0.6,')


def test_classes_have_their_scores(outcome):
    rows = class_rows(find(outcome, NAMES))
    # Of two a one is found; of two predictions "a" one is right.
    assert rows[0] == {
        "class": "a",
        "images": 2,
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
    }
    assert rows[1]["images"] == 1 and rows[1]["f1"] == 0


def test_json_has_everything_and_no_nan(outcome):
    gap = Comparison(("A", "B"), Difference(0.1, 0.05, 0.2), (1, 0, 1, 1))
    found = find(outcome, NAMES)
    rows = [("plain", {"loss": math.nan}), ("flip", {"loss": 1.0})]
    both = [("raw", {"loss": 2.0}), ("average", {"loss": math.inf})]
    text = evaluation_json({"images": 3}, found, rows, both, gap)
    content = json.loads(text)
    assert content["images"] == 3
    assert content["confusion"] == [[1, 1], [1, 0]]
    assert content["most_confused"] == [
        {"is": "a", "predicted": "b, c", "count": 1},
        {"is": "b, c", "predicted": "a", "count": 1},
    ]
    assert content["side_by_side"]["plain"] == {"loss": None}
    weights = {"raw": {"loss": 2.0}, "average": {"loss": None}}
    assert content["raw_and_average"] == weights
    assert content["comparison"]["only_b"] == 1
    assert content["comparison"]["verdict"].startswith("B is better by 10.0")
    assert sum(content["reliability"]["as_it_is"]["count"]) == 3
