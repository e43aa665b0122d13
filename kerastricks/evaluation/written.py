"""How an evaluation's numbers are called and written, wherever they stand."""

import math
from collections.abc import Mapping
from typing import Any

# By the keys of `summarize` and of calibration, in the order they stand in.
NAMES = {
    "top1": "top-1",
    "top5": "top-5",
    "mean_average_precision": "mean average precision",
    "f1": "F1 at 50%",
    "f1_best": "F1 at thresholds",
    "loss": "loss",
    "ece": "calibration error",
    "temperature": "temperature",
    "loss_calibrated": "loss after it",
    "ece_calibrated": "calibration error after it",
}
# Where there is a column for each.
SHORT = NAMES | {
    "mean_average_precision": "mAP",
    "f1": "F1",
    "ece": "ECE",
    "ece_calibrated": "ECE after",
}
DIGITS = {"loss": 4, "loss_calibrated": 4, "temperature": 3}  # else per cent


def told(key: str, numbers: Mapping[str, Any]) -> bool:
    """Whether a number is there and tells something."""
    return numbers.get(key) is not None and not idle(key, numbers)


def idle(key: str, numbers: Mapping[str, Any]) -> bool:
    """Of up to five classes the true one is always among the best five."""
    return key == "top5" and numbers.get("num_classes", 6) <= 5


def written(key: str, value: float | None) -> str:
    """As 91.23%, 0.3121, NaN, or a dash for none."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    return f"{value:.{DIGITS[key]}f}" if key in DIGITS else f"{value:.2%}"
