"""A rate that never changes; with a warm-up in front of it, for instance.

lr(t) = value
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerastricks")
class Constant(keras.optimizers.schedules.LearningRateSchedule):
    """`value` at every step.

    Example:
        Warmup(Constant(1e-3), steps=500)
    """

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, step: Any) -> Any:
        return ops.zeros_like(ops.cast(step, "float32")) + self.value

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}
