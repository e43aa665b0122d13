"""Accuracy that means something on blended labels."""

from typing import Any

import keras
from keras import ops


def soft_hits(y_true: Any, y_pred: Any, k: int = 1) -> Any:
    """[B]: the share of each label that the k best classes have, at most 1.

    On one-hot labels this is plain top-k accuracy. Under mixup it is the usual
    weighted one: w for the first image's class, 1 - w for the second's. On
    labels of several classes any of them is a hit, and of none nothing is.
    """
    labels = ops.cast(y_true, "float32")
    if k == 1:
        best = ops.argmax(y_pred, axis=-1)
        chosen = ops.one_hot(best, y_pred.shape[-1], dtype="float32")
        return ops.sum(labels * chosen, axis=-1)
    _, best = ops.top_k(y_pred, k)
    shares = ops.take_along_axis(labels, best, axis=-1)
    return ops.minimum(ops.sum(shares, axis=-1), 1.0)


@keras.saving.register_keras_serializable("kerastricks")
class SoftAccuracy(keras.metrics.MeanMetricWrapper):
    """The mean of `soft_hits`.

    Args:
        k: how many of the best classes count.
    """

    def __init__(
        self, name: str = "top1", dtype: Any = None, k: int = 1
    ) -> None:
        super().__init__(soft_hits, name=name, dtype=dtype, k=k)
        self.k = k

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "k": self.k}
