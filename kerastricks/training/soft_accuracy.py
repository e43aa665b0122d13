"""Accuracy that means something on blended labels."""

from typing import Any

import keras
from keras import ops


def soft_hits(y_true: Any, y_pred: Any) -> Any:
    """[B]: the share of each label that the predicted class holds.

    On one-hot labels this is plain accuracy; under mixup it is the usual
    weighted one: w for the first image's class, 1 - w for the second's.
    """
    best = ops.argmax(y_pred, axis=-1)
    chosen = ops.one_hot(best, y_pred.shape[-1], dtype="float32")
    return ops.sum(ops.cast(y_true, "float32") * chosen, axis=-1)


@keras.saving.register_keras_serializable("kerastricks")
class SoftAccuracy(keras.metrics.MeanMetricWrapper):
    """The mean of `soft_hits`."""

    def __init__(self, name: str = "top1", dtype: Any = None) -> None:
        super().__init__(soft_hits, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}
