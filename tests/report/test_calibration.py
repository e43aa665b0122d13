"""Calibration before and after a temperature."""

import numpy as np

from kerastricks.evaluation import Reliability
from kerastricks.report.calibration import (
    CLAIMS,
    Calibrated,
    calibration,
    judgement,
)


def bins(confidence, accuracy):
    return Reliability(
        np.array([10, 30]), np.array(confidence), np.array(accuracy)
    )


BEFORE = bins([0.6, 0.9], [0.6, 0.7])
AFTER = Calibrated(1.517, bins([0.5, 0.7], [0.6, 0.7]), (0.15, 0.025), "by me")


def test_both_diagrams_stand_side_by_side():
    html = calibration(BEFORE, CLAIMS, AFTER)
    assert html.count("<svg") == 2
    assert html.index("As it is") < html.index("At temperature 1.52")
    told = "Divided by the temperature 1.52 (by me) the logits"
    assert told in html
    assert "calibration error is 2.50%, without it 15.00%" in html
    assert "50–100%" in html and html.count("<table") == 2


def test_without_a_temperature_there_is_one():
    html = calibration(BEFORE, CLAIMS)
    assert html.count("<svg") == 1 and "temperature" not in html


def test_the_verdict_has_a_direction():
    # (10 * 0.6 + 30 * 0.9) / 40 = 0.825; (10 * 0.6 + 30 * 0.7) / 40 = 0.675
    assert judgement(BEFORE, CLAIMS).endswith("over-confident by 15.0 points.")
    under = bins([0.5, 0.6], [0.6, 0.7])
    assert judgement(under, CLAIMS).endswith("under-confident by 10.0 points.")
    exact = bins([0.6, 0.7], [0.6, 0.7])
    assert judgement(exact, CLAIMS).endswith("about the right amount.")


def test_no_predictions_no_section():
    empty = Reliability(np.zeros(2, int), np.zeros(2), np.zeros(2))
    assert calibration(empty, CLAIMS, AFTER) == calibration(None, CLAIMS) == ""
