"""Linear warm-up in front of any schedule.

    lr(t) = start + (s(0) - start) * (t + 1) / steps     while t < steps
    lr(t) = s(t - steps)                                 afterwards

Paper: Goyal et al., arXiv 1706.02677; arXiv 1812.01187, section 3.1: batch i of
m has i * peak / m. Acts on: the first epochs, where large batches diverge.
Cost: none. Keras's CosineDecay warms up from its start at t = 0, which wastes
the first step if that is 0, and only a cosine can follow.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.schedules.cosine import Cosine


@keras.saving.register_keras_serializable("kerastricks")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """`steps` steps from `start` to the schedule's first value.

    Example:
        Warmup(Cosine(0.4, steps=1000), steps=50)
    """

    def __init__(self, schedule: Any, steps: int, start: float = 0.0) -> None:
        if steps < 0:
            raise ValueError(
                f"steps must be at least 0. Received: steps={steps}"
            )
        self.schedule = schedule
        self.steps = steps
        self.start = start

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        after = self.schedule(ops.maximum(step - self.steps, 0.0))
        if not self.steps:
            return after
        share = ops.minimum((step + 1) / self.steps, 1.0)
        rising = self.start + (self.schedule(0) - self.start) * share
        return ops.where(step < self.steps, rising, after)

    def get_config(self) -> dict[str, Any]:
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "steps": self.steps,
            "start": self.start,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Warmup":
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**(config | {"schedule": schedule}))


@keras.saving.register_keras_serializable("kerastricks")
class WarmupCosine(Warmup):
    """Linear warm-up, then a cosine over the rest of `total_steps`.

    Example:
        WarmupCosine(peak=0.4, total_steps=1000, warmup_steps=50)
    """

    def __init__(
        self,
        peak: float,
        total_steps: int,
        warmup_steps: int = 0,
        start: float = 0.0,
        end: float = 0.0,
    ) -> None:
        if warmup_steps > total_steps:
            raise ValueError(
                "warmup_steps must not exceed total_steps. Received: "
                f"warmup_steps={warmup_steps}, total_steps={total_steps}"
            )
        # A run that is all warm-up still needs a cosine of one step.
        cosine = Cosine(peak, max(total_steps - warmup_steps, 1), end)
        super().__init__(cosine, warmup_steps, start)
        self.total_steps = total_steps

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.schedule.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.steps,
            "start": self.start,
            "end": self.schedule.end,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmupCosine":
        return cls(**config)
