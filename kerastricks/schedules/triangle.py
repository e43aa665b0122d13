"""Up along a line, down along another.

    lr(0) = start * peak,  lr(pct_start * steps) = peak,  lr(steps) = end * peak

and lines between. As airbench (arXiv 2404.00498) trains CIFAR-10: from .2 up in
23 % of the run and down to .07. Acts on: the whole run; it is its own warm-up.
Cost: none. Hurts: a run that is stopped before its end, whose rate has not come
down. Keras has none.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_inside, check_least
from kerastricks.schedules.decay import share_done, whole


@keras.saving.register_keras_serializable("kerastricks")
class Triangle(keras.optimizers.schedules.LearningRateSchedule):
    """From start * peak to `peak` to end * peak.

    Args:
        pct_start: share of the steps in which it rises, to a whole one of them.
        start, end: shares of the peak.

    Example:
        Triangle(2.0, steps=1000)(230)  # 2
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        pct_start: float = 0.23,
        start: float = 0.2,
        end: float = 0.07,
    ) -> None:
        check_least(1, steps=steps)
        check_inside(pct_start=pct_start)
        check_least(0, start=start, end=end)
        self.peak = peak
        self.steps = steps
        self.pct_start = pct_start
        self.start = start
        self.end = end

    def __call__(self, step: Any) -> Any:
        top = int(self.pct_start * self.steps)
        up = share_done(step, max(top, 1))
        down = share_done(
            ops.maximum(ops.cast(step, "float32") - top, 0.0),
            max(self.steps - top, 1),
        )
        share = ops.where(
            whole(step) < top,
            self.start + (1 - self.start) * up,
            1 + (self.end - 1) * down,
        )
        return self.peak * share

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "steps": self.steps,
            "pct_start": self.pct_start,
            "start": self.start,
            "end": self.end,
        }
