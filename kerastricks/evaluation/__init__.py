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
    topk_accuracy,
    wilson_interval,
)
from kerastricks.evaluation.mistakes import (
    confused_pairs,
    most_confused,
    top_losses,
)
from kerastricks.evaluation.multi_label import (
    LabelScores,
    average_precision,
    label_reliability,
    label_scores,
    sigmoid,
)
from kerastricks.evaluation.summary import probabilities, summarize

__all__ = [
    "LabelScores",
    "PerClass",
    "Reliability",
    "average_precision",
    "confused_pairs",
    "confusion_matrix",
    "cross_entropy",
    "expected_calibration_error",
    "label_reliability",
    "label_scores",
    "most_confused",
    "per_class",
    "probabilities",
    "reliability_bins",
    "sigmoid",
    "softmax",
    "summarize",
    "top_losses",
    "topk_accuracy",
    "wilson_interval",
]
