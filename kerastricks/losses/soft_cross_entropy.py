"""Cross entropy with label smoothing, for labels that may be mixtures.

    loss = - sum_c w_c q_c log softmax(logits)_c           w: 1 unless given
    uniform:  q = (1 - e) y + e / K          GluonCV's, torch's, Keras's code
    others:   q = (1 - e) y + e (1 - y) / (K - 1)      the paper's text

Paper: Szegedy et al., arXiv 1512.00567; in the bag of tricks: arXiv 1812.01187,
section 5.2. Acts on: the targets. Cost: none. Hurts: small networks that
underfit (ResNet-18 on ImageNet: 70.98 -> 70.81 in PaddleClas's table), and
distillation from a smoothed teacher.
`uniform` equals `keras.losses.CategoricalCrossentropy(from_logits=True,
label_smoothing=e)`; in mixtures both laws keep the labels' mass. Keras's loss
of class numbers smooths nothing; this one takes numbers and rows alike. With
class weights it is torch's CrossEntropyLoss(weight) of soft labels, whose mean
is over the images (with hard labels torch divides by the sum of their weights).
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

LAWS = ("uniform", "others")


@keras.saving.register_keras_serializable("kerastricks")
class SoftCrossEntropy(keras.losses.Loss):
    """Softmax cross entropy of logits [B, K].

    Labels are class numbers [B] or [B, 1], or rows [B, K]: one-hot or mixed.

    Args:
        label_smoothing: share of the target spread over the classes, in [0, 1).
        smoothing: `uniform` or `others`, the law of the spreading.
        class_weights: a factor for each class.

    Example:
        model.compile("sgd", SoftCrossEntropy(label_smoothing=0.1))
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        smoothing: str = "uniform",
        class_weights: Sequence[float] | None = None,
        name: str = "soft_cross_entropy",
        **kwargs: Any,
    ) -> None:
        check_smoothing(label_smoothing, smoothing, LAWS)
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing
        self.smoothing = smoothing
        self.class_weights = listed(class_weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        # Half-precision logarithms lose the small probabilities.
        logits = ops.cast(y_pred, "float32")
        labels = label_rows(y_true, logits.shape[-1])
        if self.label_smoothing:
            labels = smooth_labels(labels, self.label_smoothing, self.smoothing)
        labels = weighed(labels, self.class_weights)
        return -ops.sum(labels * ops.log_softmax(logits, axis=-1), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "label_smoothing": self.label_smoothing,
            "smoothing": self.smoothing,
            "class_weights": self.class_weights,
        }
