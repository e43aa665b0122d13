"""A rate that changes by the same factor at every step.

    lr(t) = peak * (end / peak) ** (t / steps),   t = 0, 1, ...

A decay of `rate` an epoch over some epochs is end = peak * rate ** epochs
(torch's ExponentialLR, against which this is checked, once an epoch). With an
end above the peak it rises: so the learning rate finder sweeps. Past the last
step it stays at `end`. Acts on: the whole run. Cost: none. Hurts: long runs,
whose rate is soon too small. Keras's ExponentialDecay is told the factor
instead of the end, and never stops.
"""

import math
from typing import Any

import keras
from keras import ops

from kerastricks.schedules.decay import Decay, share_done


@keras.saving.register_keras_serializable("kerastricks")
class Exponential(Decay):
    """From `peak` to `end`, both above 0, in `steps` steps.

    Example:
        Exponential(1e-7, steps=99, end=10.0)(99)  # 10
    """

    def __init__(self, peak: float, steps: int, end: float) -> None:
        if not (peak > 0 and end > 0):
            raise ValueError(
                "peak and end must be above 0. Received: "
                f"peak={peak}, end={end}"
            )
        super().__init__(peak, steps, end)

    def __call__(self, step: Any) -> Any:
        done = share_done(step, self.steps)
        return self.peak * ops.exp(math.log(self.end / self.peak) * done)
