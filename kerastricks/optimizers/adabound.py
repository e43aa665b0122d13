"""AdaBound: Adam at first, SGD in the end, by bounds that close in.

    g += decay * w;  m and v as Adam's
    rate = lr sqrt(1 - b2^t) / (1 - b1^t) / (sqrt(v) + epsilon)
    end = final_lr * lr / base_lr
    w -= m * clip(rate, end (1 - 1 / (gamma t + 1)), end (1 + 1 / (gamma t)))

AMSBound: v is the largest v so far. Paper: Luo et al., ICLR 2019, arXiv
1902.09843; law and numbers are those of the authors' package (`adabound` on
PyPI), which has epsilon before the corrections and, unlike the paper, no 1 /
sqrt(t). Acts on: the update. Cost: two numbers for each weight, three with
amsbound. `base_lr` is the peak of the learning rate: the package takes the
first one, which is 0 if it warms up from there. The factors of layer-wise rates
act on the whole step, SGD's end included. Hurts: nothing known, but `final_lr`
is SGD's rate in the end, and has to be found as that has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.optimizers.adam import Adam
from kerastricks.optimizers.base import Slots

CURRENT = "current"  # the peak of a sweep is the rate of the moment


@keras.saving.register_keras_serializable("kerastricks")
class AdaBound(Adam):
    """The authors' AdaBound and AMSBound.

    Args:
        base_lr: the peak of the learning rate; needed if that is a schedule.
        final_lr: SGD's learning rate in the end, at `base_lr`.
        gamma: how fast the bounds close in.
        amsbound: let v never fall.

    Example:
        AdaBound(WarmupCosine(1e-3, 1000, 50), base_lr=1e-3)
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        betas: Sequence[Any] = (0.9, 0.999),
        final_lr: float = 0.1,
        gamma: float = 1e-3,
        base_lr: Any = None,
        epsilon: float = 1e-8,
        amsbound: bool = False,
        weight_decay: float = 0.0,
        no_bias_decay: bool = False,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if base_lr is None and isinstance(learning_rate, int | float):
            base_lr = learning_rate
        if base_lr is None or (base_lr != CURRENT and not base_lr > 0):
            raise ValueError(
                "base_lr must be the peak of the learning rate, above 0. "
                f"Received: base_lr={base_lr}"
            )
        if gamma <= 0:
            raise ValueError(f"gamma must be above 0. Received: gamma={gamma}")
        super().__init__(
            learning_rate,
            betas,
            epsilon,
            weight_decay,
            no_bias_decay,
            rate_factors,
            **kwargs,
        )
        self.base_lr = base_lr if base_lr == CURRENT else float(base_lr)
        self.final_lr = final_lr
        self.gamma = gamma
        self.amsbound = amsbound

    def slot_names(self, variable: Any) -> Sequence[str]:
        more = ["largest"] if self.amsbound else []
        return ["first", "second", *more]

    def move(
        self,
        gradient: Any,
        weight: Any,
        slots: Slots,
        rate: Any,
        age: Any,
        decay: float | None,
    ) -> tuple[Any, Slots]:
        moved, (first, second) = self.averages(gradient, slots, age)
        size = moved["second"]
        if self.amsbound:
            size = moved["largest"] = ops.maximum(slots["largest"], size)
        adam = rate * ops.sqrt(second) / first / (ops.sqrt(size) + self.epsilon)
        closed = self.gamma * (ops.cast(age, gradient.dtype) + 1)
        current = self.base_lr == CURRENT
        peak = self.learning_rate if current else self.base_lr
        end = self.final_lr * (rate / ops.cast(peak, rate.dtype))
        low, high = end * closed / (closed + 1), end * (closed + 1) / closed
        return ops.minimum(ops.maximum(adam, low), high) * moved["first"], moved

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "base_lr": self.base_lr,
            "final_lr": self.final_lr,
            "gamma": self.gamma,
            "amsbound": self.amsbound,
        }
