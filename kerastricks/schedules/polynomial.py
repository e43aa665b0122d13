"""Polynomial and linear decay.

    lr(t) = end + (peak - end) * (1 - t / steps) ** power,   t = 0, 1, ...

Linear is power 1. Papers: Liu et al., arXiv 1506.04579 (power .9); You et al.,
arXiv 1708.03888 (LARS, power 2). Acts on: the whole run. Cost: none. Checked
against torch's PolynomialLR. As Keras's PolynomialDecay, but with the names of
the other schedules here, so that one stands in for another. Hurts: a run that
is stopped before its end, whose rate has not come down.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.schedules.decay import Decay


@keras.saving.register_keras_serializable("kerastricks")
class Polynomial(Decay):
    """From `peak` to `end` in `steps` steps; the higher the power the sooner.

    Example:
        Polynomial(0.4, steps=1000, power=2.0)(500)  # 0.1
    """

    def __init__(
        self, peak: float, steps: int, power: float = 2.0, end: float = 0.0
    ) -> None:
        if not power > 0:
            raise ValueError(f"power must be above 0. Received: power={power}")
        super().__init__(peak, steps, end)
        self.power = power

    def share(self, done: Any) -> Any:
        return ops.power(1 - done, self.power)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"power": self.power}


@keras.saving.register_keras_serializable("kerastricks")
class Linear(Decay):
    """From `peak` to `end` in `steps` steps along a line.

    Example:
        Linear(0.4, steps=1000)(250)  # 0.3
    """

    def share(self, done: Any) -> Any:
        return 1 - done
