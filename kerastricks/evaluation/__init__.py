"""What a trained model is worth: metrics, calibration and its mistakes."""

from kerastricks.evaluation.metrics import (
    PerClass,
    Reliability,
    confusion_matrix,
    cross_entropy,
    expected_calibration_error,
    per_class,
    reliability_bins,
    softmax,
    summarize,
    topk_accuracy,
    wilson_interval,
)
from kerastricks.evaluation.mistakes import (
    confused_pairs,
    most_confused,
    top_losses,
)

__all__ = [
    "PerClass",
    "Reliability",
    "confused_pairs",
    "confusion_matrix",
    "cross_entropy",
    "expected_calibration_error",
    "most_confused",
    "per_class",
    "reliability_bins",
    "softmax",
    "summarize",
    "top_losses",
    "topk_accuracy",
    "wilson_interval",
]
