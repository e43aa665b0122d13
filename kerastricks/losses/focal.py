"""Focal loss: what is right already counts less.

    one class an image:  - sum_c w_c q_c (1 - p_c)^gamma log p_c
                           p = softmax(logits), q the smoothed labels
    several classes:     mean_c w_c a_c (1 - t_c)^gamma BCE(x_c, y_c)
                           t = p y + (1 - p)(1 - y),  p = sigmoid(x)
                           a = alpha y + (1 - alpha)(1 - y), or 1

Paper: Lin et al., arXiv 1708.02002. Acts on: the loss. Cost: none. Hurts:
balanced data, where cross entropy is the better teacher, and calibration at
large gamma; smoothed labels and mixtures pull the other way, towards less
certainty. gamma 0 is cross entropy.
With several classes it equals `torchvision.ops.sigmoid_focal_loss`, soft
labels included; with one it equals `keras.losses.CategoricalFocalCrossentropy`
(from_logits=True) with alpha 1. Keras's alpha of .25 there weighs all classes
alike, and so only divides the learning rate: here class weights do what it is
for. Keras clips probabilities at 1e-7 and with them the gradients of images
that are badly wrong; this one does not.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.losses.binary_cross_entropy import binary_losses
from kerastricks.losses.labels import (
    check_smoothing,
    label_rows,
    listed,
    smooth_labels,
    weighed,
)

# Below it the gradient of x^gamma, gamma < 1, would overflow.
SMALLEST = 1e-30


def dampened(losses: Any, missing: Any, gamma: float) -> Any:
    """losses times missing^gamma, missing: 1 - the chance of being right."""
    if not gamma:
        return losses
    return losses * ops.power(ops.maximum(missing, SMALLEST), gamma)


def softmax_focal_losses(labels: Any, logits: Any, gamma: float) -> Any:
    """Losses [B, K], of which a row's sum is the image's."""
    log_chances = ops.log_softmax(logits, axis=-1)
    # expm1: near 1 the difference 1 - p has no digits left.
    missing = -ops.expm1(log_chances)
    return dampened(-labels * log_chances, missing, gamma)


def sigmoid_focal_losses(labels: Any, logits: Any, gamma: float) -> Any:
    """Losses [B, C], each of a question of its own."""
    right = labels * ops.sigmoid(-logits)
    missing = right + (1 - labels) * ops.sigmoid(logits)
    return dampened(binary_losses(labels, logits), missing, gamma)


@keras.saving.register_keras_serializable("kerastricks")
class Focal(keras.losses.Loss):
    """Focal loss of logits [B, C] and labels as `SoftCrossEntropy` has them.

    Args:
        gamma: how much less; at least 0.
        alpha: weight of hits, 1 - alpha that of misses; with several classes.
        multi_label: whether images may have several classes, or none.
        label_smoothing: share of the target that is spread: over all classes,
            or, with several, towards 1/2.
        class_weights: a factor for each class.

    Example:
        model.compile("sgd", Focal(gamma=2.0))
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float | None = None,
        multi_label: bool = False,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        name: str = "focal",
        **kwargs: Any,
    ) -> None:
        check_smoothing(label_smoothing, "half", ("half",))
        if not 0 <= gamma < float("inf"):
            raise ValueError(
                f"gamma must be at least 0. Received: gamma={gamma}"
            )
        if alpha is not None and not (multi_label and 0 <= alpha <= 1):
            raise ValueError(
                "alpha must be in [0, 1], and weighs hits against misses of "
                "images of several classes; where each has one, give "
                f"class_weights. Received: alpha={alpha}, "
                f"multi_label={multi_label}"
            )
        super().__init__(name=name, **kwargs)
        self.gamma = gamma
        self.alpha = alpha
        self.multi_label = multi_label
        self.label_smoothing = label_smoothing
        self.class_weights = listed(class_weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        # Half-precision logarithms lose the small probabilities.
        logits = ops.cast(y_pred, "float32")
        labels = label_rows(y_true, logits.shape[-1])
        if self.label_smoothing:
            law = "half" if self.multi_label else "uniform"
            labels = smooth_labels(labels, self.label_smoothing, law)
        if not self.multi_label:
            losses = softmax_focal_losses(labels, logits, self.gamma)
            return ops.sum(weighed(losses, self.class_weights), axis=-1)
        losses = sigmoid_focal_losses(labels, logits, self.gamma)
        if self.alpha is not None:
            hits = self.alpha * labels
            losses = losses * (hits + (1 - self.alpha) * (1 - labels))
        return ops.mean(weighed(losses, self.class_weights), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "gamma": self.gamma,
            "alpha": self.alpha,
            "multi_label": self.multi_label,
            "label_smoothing": self.label_smoothing,
            "class_weights": self.class_weights,
        }
