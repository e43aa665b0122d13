"""Cosine decay.

    lr(t) = end + (peak - end) * (1 + cos(pi * t / steps)) / 2,   t = 0, 1, ...

Papers: Loshchilov & Hutter, arXiv 1608.03983; without restarts: arXiv
1812.01187, section 5.1. Past the last step it stays at `end`.
"""

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerastricks")
class Cosine(keras.optimizers.schedules.LearningRateSchedule):
    """From `peak` to `end` in `steps` steps along half a cosine.

    Example:
        Cosine(0.4, steps=1000)(500)  # 0.2
    """

    def __init__(self, peak: float, steps: int, end: float = 0.0) -> None:
        if steps < 1:
            raise ValueError(
                f"steps must be at least 1. Received: steps={steps}"
            )
        self.peak = peak
        self.steps = steps
        self.end = end

    def __call__(self, step: Any) -> Any:
        done = ops.minimum(ops.cast(step, "float32") / self.steps, 1.0)
        fall = 0.5 * (1 + ops.cos(math.pi * done))
        return self.end + (self.peak - self.end) * fall

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "end": self.end}
