"""Adam with L2, exactly torch's: the step follows the gradient's sign.

    g += decay * w
    m = b1 m + (1 - b1) g           v = b2 v + (1 - b2) g^2
    w -= lr * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon),  t = 1, 2, ...

Paper: Kingma & Ba, arXiv 1412.6980. Acts on: the update. Cost: two numbers for
each weight. Hurts: with decay > 0 the weights with large gradients decay least;
that is what AdamW is for. Keras's Adam adds epsilon (1e-7) before the second
correction, so at step t it is 1 / sqrt(1 - b2^t) times larger (30 times at the
first step), and computes 1 - b2^t as float32 does, 1e-5 off at first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.backend import apply_adam
from kerastricks.checks import check_least, check_share
from kerastricks.optimizers.base import (
    Optimizer,
    Slots,
    alike,
    as_config,
    at_step,
)
from kerastricks.optimizers.moments import correction, moving, time


@keras.saving.register_keras_serializable("kerastricks")
class Adam(Optimizer):
    """torch.optim.Adam.

    Args:
        betas: of both averages; the first may be a LearningRateSchedule.

    Example:
        Adam(1e-3, betas=(0.9, 0.99), weight_decay=1e-4, no_bias_decay=True)
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        betas: Sequence[Any] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        no_bias_decay: bool = False,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        first, second = betas
        check_share(betas=first)
        check_share(betas=second)
        check_least(0, epsilon=epsilon)
        super().__init__(
            learning_rate,
            momentum=first,
            weight_decay=weight_decay,
            no_bias_decay=no_bias_decay,
            rate_factors=rate_factors,
            **kwargs,
        )
        self.beta = second
        self.epsilon = epsilon

    def slot_names(self, variable: Any) -> Sequence[str]:
        return ("first", "second")

    def advance(
        self,
        variable: Any,
        gradient: Any,
        slots: Slots,
        rate: Any,
        decay: float | None,
        age: Any,
    ) -> None:
        if not self.fuses(variable, gradient):
            super().advance(variable, gradient, slots, rate, decay, age)
            return
        weight = ops.cast(variable, gradient.dtype)
        gradient = self.prepared(gradient, weight, decay)
        if decay and self.decay_law == "decoupled":
            self.assign_sub(variable, rate * decay * weight)
        # The op has 1 - beta of a rounded beta; so must its correction.
        beta = at_step(self.momentum, self.iterations, gradient)
        betas = [rounded(beta), rounded(self.beta)]
        t = time(age, gradient)
        first, second = (correction(beta, t) for beta in betas)
        root = ops.sqrt(second)
        apply_adam(
            variable,
            slots["first"],
            slots["second"],
            gradient,
            rate * root / first,
            betas,
            self.epsilon * root,
        )

    def fuses(self, variable: Any, gradient: Any) -> bool:
        """Whether the backend has this step as one op."""
        own = type(self).move is Adam.move  # or AdamW's, not another law's
        return apply_adam is not None and own and alike(variable, gradient)

    def move(
        self,
        gradient: Any,
        weight: Any,
        slots: Slots,
        rate: Any,
        age: Any,
        decay: float | None,
    ) -> tuple[Any, Slots]:
        moved, corrections = self.averages(gradient, slots, age)
        # Scalars first: every operation on the weights is a pass over memory.
        root = ops.sqrt(corrections[1])
        rate = rate * root / corrections[0]
        size = ops.sqrt(moved["second"]) + self.epsilon * root
        return rate * moved["first"] / size, moved

    def averages(
        self, gradient: Any, slots: Slots, age: Any
    ) -> tuple[Slots, tuple[Any, Any]]:
        """Both averages, and what to divide each by."""
        beta, t = (
            at_step(self.momentum, self.iterations, gradient),
            time(age, gradient),
        )
        square = ops.square(gradient)
        moved = {
            "first": moving(slots["first"], gradient, beta),
            "second": moving(slots["second"], square, self.beta),
        }
        return moved, (correction(beta, t), correction(self.beta, t))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["momentum"]
        return config | {
            "betas": [as_config(self.momentum), self.beta],
            "epsilon": self.epsilon,
        }


def rounded(beta: Any) -> Any:
    """The number as float32 has it."""
    return float(np.float32(beta)) if isinstance(beta, float) else beta
