"""Rates that fall in steps.

    Step:       lr(t) = peak * rate ** (t // every)
    MultiStep:  lr(t) = peak * rate ** (number of milestones at or below t)

Paper: He et al., arXiv 1512.03385: a tenth every 30 of 90 epochs. Acts on: the
whole run. Cost: none. Hurts: how much is won depends on where the steps lie,
which a cosine need not be told. Checked against torch's StepLR and MultiStepLR,
whose numbers are epochs; these are optimizer steps.
Keras has PiecewiseConstantDecay, in which a boundary still has the old rate.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_least
from kerastricks.schedules.decay import whole


@keras.saving.register_keras_serializable("kerastricks")
class Step(keras.optimizers.schedules.LearningRateSchedule):
    """`peak`, times `rate` after every so many steps.

    Example:
        Step(0.1, every=30 * steps_per_epoch)
    """

    def __init__(self, peak: float, every: int, rate: float = 0.1) -> None:
        check_least(1, every=every)
        check_least(0, rate=rate)
        self.peak = peak
        self.every = every
        self.rate = rate

    def __call__(self, step: Any) -> Any:
        fallen = ops.floor_divide(whole(step), self.every)
        return self.peak * ops.power(self.rate, ops.cast(fallen, "float32"))

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "every": self.every, "rate": self.rate}


@keras.saving.register_keras_serializable("kerastricks")
class MultiStep(keras.optimizers.schedules.LearningRateSchedule):
    """`peak`, times `rate` from each of the milestones on.

    Example:
        MultiStep(0.1, milestones=[32_000, 48_000])
    """

    def __init__(
        self, peak: float, milestones: Sequence[int], rate: float = 0.1
    ) -> None:
        milestones = list(milestones)
        if (
            milestones != sorted(set(milestones))
            or min(milestones, default=1) < 1
        ):
            raise ValueError(
                "milestones must be steps above 0, each later than the one "
                f"before. Received: milestones={milestones}"
            )
        check_least(0, rate=rate)
        self.peak = peak
        self.milestones = milestones
        self.rate = rate

    def __call__(self, step: Any) -> Any:
        step = whole(step)
        found = ops.zeros_like(ops.cast(step, "float32")) + self.peak
        for fallen, milestone in enumerate(self.milestones, 1):
            rate = self.peak * self.rate**fallen
            found = ops.where(step >= milestone, rate, found)
        return found

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "milestones": self.milestones,
            "rate": self.rate,
        }
