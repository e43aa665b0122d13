"""The numbers of an outcome, against their formulas."""

import numpy as np
import pytest

from kerastricks.assess.findings import FITTED, STORED, find
from kerastricks.evaluation import (
    expected_calibration_error,
    fit_temperature,
    softmax,
)
from kerastricks.outcome import Outcome

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def outcome():
    random = np.random.RandomState(0)
    labels = random.randint(0, 3, 200).astype(np.int32)
    logits = random.normal(size=(200, 3)) + 1.5 * np.eye(3)[labels]
    return Outcome(4 * logits, labels)  # far too sure of itself


def test_temperature_and_what_it_changes(outcome):
    found = find(outcome, NAMES).numbers
    temperature = fit_temperature(outcome.logits, outcome.labels)
    assert found["temperature"] == temperature > 2
    chances = softmax(outcome.logits / temperature)
    true = chances[np.arange(200), outcome.labels]
    assert found["loss_calibrated"] == pytest.approx(-np.log(true).mean())
    ece = expected_calibration_error(chances, outcome.labels)
    assert found["ece_calibrated"] == pytest.approx(ece)
    assert found["ece_calibrated"] < found["ece"] * 0.7
    assert found["top1_low"] < found["top1"] < found["top1_high"]


def test_a_stored_temperature_is_taken(outcome):
    found = find(outcome, NAMES, stored={"temperature": 2.0})
    assert found.numbers["temperature"] == found.calibrated.temperature == 2
    assert found.calibrated.fitted == STORED
    assert find(outcome, NAMES).calibrated.fitted == FITTED
    assert found.calibration() == {"temperature": 2.0}


def test_a_temperature_at_an_end_is_told(outcome):
    assert find(outcome, NAMES).doubts() == []
    random = np.random.RandomState(0)
    blind = random.normal(size=(60, 3)) * 1e4
    labels = np.arange(60) % 3
    (said,) = find(Outcome(blind, labels), NAMES[:3]).doubts()
    assert "100: these logits say hardly anything" in said
    timid = np.eye(3)[labels] * 1e-4
    timid[0] = timid[1]  # of all right ones the temperature is 1
    (said,) = find(Outcome(timid, labels), NAMES[:3]).doubts()
    assert "0.01: these logits are far too small" in said


def test_parts_by_class_are_recalls(outcome):
    found = find(outcome, NAMES)
    recall = np.diag(found.confusion) / found.confusion.sum(axis=1)
    assert [part.name for part in found.by_class] == NAMES
    np.testing.assert_allclose([p.accuracy for p in found.by_class], recall)


def test_classes_of_one_name_stay_two(outcome):
    """ImageNet has two cranes."""
    names = ["crane", *NAMES[1:-1], "crane"]
    parts = find(outcome, names).by_class
    assert [part.name for part in parts] == names
    assert parts[0].count == np.sum(outcome.labels == 0)


def test_sizes_make_parts_unless_all_are_the_same(outcome):
    sizes = np.stack([np.arange(200) + 10, np.full(200, 32)], axis=1)
    parts = find(outcome, NAMES, sizes).by_size
    assert len(parts) == 4 and sum(part.count for part in parts) == 200
    assert find(outcome, NAMES, sizes * 0 + 32).by_size == ()
    assert find(outcome, NAMES).by_size == ()


def test_several_labels_have_thresholds_and_their_f1():
    logits = np.array([[2.0, -3], [1, -1], [-1, -2], [-2, 1]])
    labels = np.array([[1, 0], [1, 1], [1, 0], [0, 1]], np.float32)
    found = find(Outcome(logits, labels), ["a", "b"])
    # a: above -1.5 all three and nothing else; b: above -1.5 both.
    thresholds, f1 = found.thresholds
    np.testing.assert_array_equal(f1, [1, 1])
    assert found.numbers["f1_best"] == 1
    # At 1/2 a has two of three (F1 .8), b one of two (2/3).
    assert found.numbers["f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    stored = found.calibration()
    assert stored["thresholds"] == thresholds.tolist()
    again = find(
        Outcome(logits, labels),
        ["a", "b"],
        stored={"temperature": 1.0, "thresholds": [0.5, 0.5]},
    )
    assert again.numbers["f1_best"] == again.numbers["f1"]


def test_a_diverged_model_has_no_good_numbers(outcome):
    bad = Outcome(np.full((4, 3), np.nan), outcome.labels[:4])
    found = find(bad, NAMES).numbers
    assert found["top1"] == found["top1_low"] == 0
    assert found["temperature"] == 1 and np.isnan(found["loss"])
