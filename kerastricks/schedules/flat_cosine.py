"""Flat, then a cosine.

    lr(t) = peak                                            while d <= flat
    lr(t) = end + (peak - end) * (1 + cos(pi * e)) / 2      afterwards
    d = t / steps,  e = (d - flat) / (1 - flat)

As fastai's fit_flat_cos (flat .75, end = peak / 1e5) and Ranger's recipes (flat
.72). Acts on: the whole run; Adam-like optimizers take a high rate for long.
Cost: none. Past the last step it stays at `end`. Keras has none. Hurts: a run
that is stopped before its end, whose rate has hardly come down.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.schedules.cosine import half_cosine
from kerastricks.schedules.decay import Decay


@keras.saving.register_keras_serializable("kerastricks")
class FlatCosine(Decay):
    """`peak` for the share `flat` of the steps, then down to `end`.

    Example:
        FlatCosine(4e-3, steps=1000)(860)  # 2e-3
    """

    def __init__(
        self, peak: float, steps: int, flat: float = 0.72, end: float = 0.0
    ) -> None:
        if not 0 <= flat < 1:
            raise ValueError(f"flat must be in [0, 1). Received: flat={flat}")
        super().__init__(peak, steps, end)
        self.flat = flat

    def share(self, done: Any) -> Any:
        return half_cosine(ops.maximum(done - self.flat, 0.0) / (1 - self.flat))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"flat": self.flat}
