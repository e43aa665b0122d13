"""What the schedules that fall from a peak to an end share.

    lr(t) = end + (peak - end) * share(t / steps),   t = 0, 1, ...

Past the last step they stay at their end.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_least


def whole(step: Any) -> Any:
    """The step as a whole number.

    Steps are counted off in whole numbers only: a compiler may divide floats by
    multiplying with the inverse, and rounding then moves a boundary by a step.
    """
    return ops.cast(step, "int32")


def share_done(step: Any, steps: int) -> Any:
    """float32 0..1: how much of these steps is done."""
    return ops.minimum(ops.cast(step, "float32") / steps, 1.0)


class Decay(keras.optimizers.schedules.LearningRateSchedule):
    """From `peak` to `end` in `steps` steps, as `share` of 0..1 has it."""

    def __init__(self, peak: float, steps: int, end: float = 0.0) -> None:
        check_least(1, steps=steps)
        self.peak = peak
        self.steps = steps
        self.end = end

    def __call__(self, step: Any) -> Any:
        share = self.share(share_done(step, self.steps))
        return self.end + (self.peak - self.end) * share

    def share(self, done: Any) -> Any:
        """What is left of peak - end: 1 at the start, 0 when all is done."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "end": self.end}
