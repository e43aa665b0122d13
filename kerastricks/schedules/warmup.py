"""Warm-up in front of any schedule.

    linear:       lr(t) = start + (s(0) - start) * (t + 1) / steps
    exponential:  lr(t) = start * (s(0) / start) ** ((t + 1) / steps)
    constant:     lr(t) = start                      while t < steps
    afterwards:   lr(t) = s(t - steps), or s(t) with inside=True

Paper: Goyal et al., arXiv 1706.02677; arXiv 1812.01187, section 3.1: batch i of
m has i * peak / m. Acts on: the first epochs, where large batches diverge.
Cost: none. With inside=True, timm's default, the schedule's own clock runs
during the warm-up (timm's batch i has (i - 1) * peak / m, however). Hurts: very
short runs, of which it takes a share. Keras's CosineDecay warms up from its
start at t = 0, which wastes the first step if that is 0, and only a cosine can
follow.
"""

import math
from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_least
from kerastricks.schedules.cosine import Cosine

KINDS = ("linear", "exponential", "constant")


@keras.saving.register_keras_serializable("kerastricks")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """`steps` steps from `start` to the schedule's first value.

    Args:
        start: before the first step; of `constant`, in each of them.
        kind: `linear`, `exponential` (its start is above 0) or `constant`.
        inside: whether the warm-up hides the schedule's first steps instead of
            delaying them.

    Example:
        Warmup(Cosine(0.4, steps=1000), steps=50)
    """

    def __init__(
        self,
        schedule: Any,
        steps: int,
        start: float = 0.0,
        kind: str = "linear",
        inside: bool = False,
    ) -> None:
        check_least(0, steps=steps)
        if kind not in KINDS:
            raise ValueError(
                f"kind must be one of {', '.join(KINDS)}. Received: kind={kind}"
            )
        if kind == "exponential" and not start > 0:
            raise ValueError(
                "the start of an exponential warm-up must be above 0. "
                f"Received: start={start}"
            )
        self.schedule = schedule
        self.steps = steps
        self.start = start
        self.kind = kind
        self.inside = inside

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        delay = 0 if self.inside else self.steps
        after = self.schedule(ops.maximum(step - delay, 0.0))
        if not self.steps:
            return after
        share = ops.minimum((step + 1) / self.steps, 1.0)
        return ops.where(step < self.steps, self.rising(share), after)

    def rising(self, share: Any) -> Any:
        """The rate when this share of the warm-up is done."""
        if self.kind == "constant":
            return ops.zeros_like(share) + self.start
        first = self.schedule(0)
        if self.kind == "linear":
            return self.start + (first - self.start) * share
        return self.start * ops.exp(
            (ops.log(first) - math.log(self.start)) * share
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "steps": self.steps,
            "start": self.start,
            "kind": self.kind,
            "inside": self.inside,
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
