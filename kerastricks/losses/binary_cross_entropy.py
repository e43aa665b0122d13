"""Binary cross entropy, for images that have several classes or none.

    loss = 1/C sum_c [y_c softplus(-x_c) + (1 - y_c) softplus(x_c)],  x: logits
    smoothed: y' = (1 - e) y + e / 2

Paper: Wightman et al., arXiv 2110.00476, where it also serves images of one
class each. Acts on: the logits, each a question of its own with a sigmoid.
Cost: none. Hurts: learning rates meant for softmax are too low where classes
are many, for the mean over them divides the gradient.
Equals `keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=e)`
and, unsmoothed, torch's `BCEWithLogitsLoss()`: means over images and classes.
timm's loss smooths images of one class to 1 - e + e / C and e / C instead: far
less, where classes are many.
"""

from typing import Any

import keras
from keras import ops


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
    """Sigmoid cross entropy of logits [B, C] and labels [B, C].

    Args:
        label_smoothing: how far the targets move towards 1/2, in [0, 1).

    Example:
        loss = BinaryCrossentropy(label_smoothing=0.1)
        loss([[1.0, 0.0, 1.0]], logits)
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        name: str = "binary_crossentropy",
        **kwargs: Any,
    ) -> None:
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "label_smoothing must be in [0, 1). "
                f"Received: label_smoothing={label_smoothing}"
            )
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        # Half-precision exponentials lose the small losses.
        labels = ops.cast(y_true, "float32")
        logits = ops.cast(y_pred, "float32")
        if self.label_smoothing:
            keep = 1 - self.label_smoothing
            labels = keep * labels + self.label_smoothing / 2
        return ops.mean(binary_losses(labels, logits), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"label_smoothing": self.label_smoothing}
