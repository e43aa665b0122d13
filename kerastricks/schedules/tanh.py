"""Hyperbolic-tangent decay: flat for long, then faster than a cosine.

    lr(t) = end + (peak - end) * (1 - tanh(lower + (upper - lower) * t / steps))
                               / 2,                              t = 0, 1, ...

Paper: Hsueh et al., arXiv 1806.01593; with timm's TanhLRScheduler's bounds (the
paper: -6 and 3). Acts on: the whole run. Cost: none. What is not quite zero at
the last step becomes `end` afterwards. Keras has none. Hurts: a run that is
stopped before its end, whose rate has hardly come down.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.schedules.decay import Decay


@keras.saving.register_keras_serializable("kerastricks")
class Tanh(Decay):
    """From `peak` to `end` in `steps` steps along a tangent's `lower`..`upper`.

    Example:
        Tanh(0.4, steps=1000)(700)  # 0.2
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        end: float = 0.0,
        lower: float = -7.0,
        upper: float = 3.0,
    ) -> None:
        if not lower < upper:
            raise ValueError(
                "lower must be below upper. Received: "
                f"lower={lower}, upper={upper}"
            )
        super().__init__(peak, steps, end)
        self.lower = lower
        self.upper = upper

    def share(self, done: Any) -> Any:
        bent = ops.tanh(self.lower + (self.upper - self.lower) * done)
        return ops.where(done < 1, 0.5 * (1 - bent), 0.0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "lower": self.lower,
            "upper": self.upper,
        }
