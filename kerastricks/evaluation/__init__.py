"""What a trained model is worth: metrics, calibration and its mistakes."""

from kerastricks.evaluation.averaging import averaged_logits
from kerastricks.evaluation.bootstrap import (
    Difference,
    accuracy_interval,
    bootstrap_interval,
    paired_difference,
)
from kerastricks.evaluation.calibration import fit_temperature
from kerastricks.evaluation.label_noise import (
    Suspect,
    class_thresholds,
    suspects,
)
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
from kerastricks.evaluation.slices import (
    Slice,
    slices_by_group,
    slices_by_label,
    slices_by_size,
)
from kerastricks.evaluation.summary import probabilities, summarize
from kerastricks.evaluation.thresholds import best_thresholds, f1_at

__all__ = [
    "Difference",
    "LabelScores",
    "PerClass",
    "Reliability",
    "Slice",
    "Suspect",
    "accuracy_interval",
    "average_precision",
    "averaged_logits",
    "best_thresholds",
    "bootstrap_interval",
    "class_thresholds",
    "confused_pairs",
    "confusion_matrix",
    "cross_entropy",
    "expected_calibration_error",
    "f1_at",
    "fit_temperature",
    "label_reliability",
    "label_scores",
    "most_confused",
    "paired_difference",
    "per_class",
    "probabilities",
    "reliability_bins",
    "sigmoid",
    "slices_by_group",
    "slices_by_label",
    "slices_by_size",
    "softmax",
    "summarize",
    "suspects",
    "top_losses",
    "topk_accuracy",
    "wilson_interval",
]
