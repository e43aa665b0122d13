"""Binary cross entropy, for images that have several classes or none.

    loss = 1/C sum_c [y_c softplus(-x_c) + (1 - y_c) softplus(x_c)],  x: logits
    half:       y' = (1 - e) y + e / 2      of questions that stand alone
    uniform:    y' = (1 - e) y + e / C      of images of one class; timm's
    threshold:  y'' = 1 where y' > threshold, else 0      after any mixing

Paper: Wightman et al., arXiv 2110.00476, where it serves images of one class
each, mixed ones too: with the threshold both classes of a mixture count in
full. Acts on: the logits, each a question of its own with a sigmoid.
Cost: none. Hurts: learning rates meant for softmax are too low where classes
are many, for the mean over them divides the gradient; sum_classes does without.
`half` equals `keras.losses.BinaryCrossentropy(from_logits=True,
label_smoothing=e)` and, unsmoothed, torch's `BCEWithLogitsLoss()`: means over
images and classes. `uniform` with threshold, sum and class weights equals
`timm.loss.BinaryCrossEntropy`, whose labels timm's mixup has smoothed before.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.losses.labels import (
    check_smoothing,
    label_rows,
    listed,
    smooth_labels,
    weighed,
)

LAWS = ("half", "uniform")


def binary_losses(labels: Any, logits: Any) -> Any:
    """Losses [B, C]; labels may be anything in [0, 1].

    Small losses stay exact, which the shorter softplus(x) - x y loses (in
    float32 it is 0 from about x = 15 on), and no kink disturbs the gradient
    at 0.
    """
    hits = labels * ops.softplus(-logits)
    return hits + (1 - labels) * ops.softplus(logits)


@keras.saving.register_keras_serializable("kerastricks")
class BinaryCrossentropy(keras.losses.Loss):
    """Sigmoid cross entropy of logits [B, C].

    Labels are rows [B, C], or class numbers [B] or [B, 1].

    Args:
        label_smoothing: share of the target that is spread, in [0, 1).
        target_threshold: targets above it become 1, the others 0; in [0, 1).
        smoothing: `half` or `uniform`, the law of the spreading.
        sum_classes: add the classes' losses up instead of averaging them.
        class_weights: a factor for each class.

    Example:
        loss = BinaryCrossentropy(label_smoothing=0.1)
        loss([[1.0, 0.0, 1.0]], logits)
        BinaryCrossentropy(target_threshold=0.2)  # ResNet strikes back
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        target_threshold: float | None = None,
        smoothing: str = "half",
        sum_classes: bool = False,
        class_weights: Sequence[float] | None = None,
        name: str = "binary_crossentropy",
        **kwargs: Any,
    ) -> None:
        check_smoothing(label_smoothing, smoothing, LAWS)
        if target_threshold is not None and not 0 <= target_threshold < 1:
            raise ValueError(
                "target_threshold must be in [0, 1), or None. "
                f"Received: target_threshold={target_threshold}"
            )
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing
        self.target_threshold = target_threshold
        self.smoothing = smoothing
        self.sum_classes = sum_classes
        self.class_weights = listed(class_weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        # Half-precision exponentials lose the small losses.
        logits = ops.cast(y_pred, "float32")
        labels = self.targets(label_rows(y_true, logits.shape[-1]))
        losses = weighed(binary_losses(labels, logits), self.class_weights)
        return (ops.sum if self.sum_classes else ops.mean)(losses, axis=-1)

    def targets(self, labels: Any) -> Any:
        """What each sigmoid shall be."""
        if self.label_smoothing:
            labels = smooth_labels(labels, self.label_smoothing, self.smoothing)
        if self.target_threshold is None:
            return labels
        above = ops.cast(labels > self.target_threshold, "float32")
        return ops.where(ops.isnan(labels), labels, above)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "label_smoothing": self.label_smoothing,
            "target_threshold": self.target_threshold,
            "smoothing": self.smoothing,
            "sum_classes": self.sum_classes,
            "class_weights": self.class_weights,
        }
