"""Cross entropy of the clean view, and all views of an image alike.

    loss = CE(y, x_0) + weight / V sum_v KL(p_v || m)
    p_v = softmax(x_v),  m = mean over the V views of p_v

Paper: Hendrycks et al., arXiv 1912.02781 (AugMix: 3 views, weight 12). Acts on:
the logits of several views of each image, the first of them clean.
Cost: V times the images through the network. Hurts: short schedules.
Keras has none. It equals `timm.loss.JsdCrossEntropy(num_splits=V, alpha=weight,
smoothing=e)`, but for the order of the rows, and that timm clamps m at 1e-7,
where this one stays in logarithms. The authors' code smooths nothing; timm's
default is .1.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.losses.labels import (
    check_smoothing,
    label_rows,
    smooth_labels,
)


def jensen_shannon(log_chances: Any) -> Any:
    """Divergence [B] of the distributions whose logarithms are [B, V, C]."""
    views = ops.cast(log_chances.shape[1], "float32")
    middle = ops.logsumexp(log_chances, axis=1, keepdims=True) - ops.log(views)
    apart = ops.exp(log_chances) * (log_chances - middle)
    return ops.mean(ops.sum(apart, axis=-1), axis=1)


@keras.saving.register_keras_serializable("kerastricks")
class JsdLoss(keras.losses.Loss):
    """Loss [B] of logits [B V, C], the views of an image in successive rows.

    Row i V is the clean view of image i. Labels have as many rows, as
    `SoftCrossEntropy` takes them; those of the clean views count. Sample
    weights, if any, are one for each image: [B].

    Args:
        weight: of the divergence.
        label_smoothing: of the clean views' labels, `uniform`.
        views: V, at least 2.

    Example:
        loss = JsdLoss()
        loss(np.repeat(labels, 3), model(views_of_images))
    """

    def __init__(
        self,
        weight: float = 12.0,
        label_smoothing: float = 0.0,
        views: int = 3,
        name: str = "jsd",
        **kwargs: Any,
    ) -> None:
        check_smoothing(label_smoothing, "uniform", ("uniform",))
        if not weight >= 0:
            raise ValueError(
                f"weight must be at least 0. Received: weight={weight}"
            )
        if views < 2:
            raise ValueError(
                f"views must be at least 2. Received: views={views}"
            )
        super().__init__(name=name, **kwargs)
        self.weight = weight
        self.label_smoothing = label_smoothing
        self.views = views

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logits = ops.cast(y_pred, "float32")
        rows, classes = logits.shape
        if rows is not None and rows % self.views:
            raise ValueError(
                "the rows must be a multiple of the views. Received: "
                f"{rows} rows, views={self.views}"
            )
        labels = label_rows(y_true, classes)[:: self.views]
        if self.label_smoothing:
            labels = smooth_labels(labels, self.label_smoothing)
        log_chances = ops.log_softmax(
            ops.reshape(logits, (-1, self.views, classes)), axis=-1
        )
        clean = -ops.sum(labels * log_chances[:, 0], axis=-1)
        return clean + self.weight * jensen_shannon(log_chances)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "weight": self.weight,
            "label_smoothing": self.label_smoothing,
            "views": self.views,
        }
