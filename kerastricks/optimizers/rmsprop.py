"""RMSprop, exactly torch's: gradients divided by their recent size.

    g += decay * w
    v = alpha v + (1 - alpha) g^2
    s = sqrt(v) + epsilon           centered: sqrt(v - (average of g)^2) + ...
    b = momentum * b + g / s        w -= lr * b

Source: Hinton's lecture 6e; centered: Graves, arXiv 1308.0850. Acts on: the
update. Cost: one number for each weight, two with momentum. Hurts: TensorFlow's
recipes taken word for word. Keras's and TensorFlow's put epsilon under the root
and the learning rate into the momentum, and forget faster (.9); EfficientNet's
recipe (epsilon 1e-3) means theirs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_least, check_share
from kerastricks.optimizers.base import Optimizer, Slots, at_step
from kerastricks.optimizers.moments import moving


@keras.saving.register_keras_serializable("kerastricks")
class RMSprop(Optimizer):
    """torch.optim.RMSprop.

    Example:
        RMSprop(1e-3, momentum=0.9)
    """

    def __init__(
        self,
        learning_rate: Any = 1e-2,
        alpha: float = 0.99,
        epsilon: float = 1e-8,
        momentum: Any = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
        no_bias_decay: bool = False,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        check_share(alpha=alpha)
        check_least(0, epsilon=epsilon)
        super().__init__(
            learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            no_bias_decay=no_bias_decay,
            rate_factors=rate_factors,
            **kwargs,
        )
        self.alpha = alpha
        self.epsilon = epsilon
        self.centered = centered

    def slot_names(self, variable: Any) -> Sequence[str]:
        names = ["square"]
        names += ["mean"] if self.centered else []
        return [*names, "velocity"] if self.momentum else names

    def move(
        self,
        gradient: Any,
        weight: Any,
        slots: Slots,
        rate: Any,
        age: Any,
        decay: float | None,
    ) -> tuple[Any, Slots]:
        square = moving(slots["square"], ops.square(gradient), self.alpha)
        moved, variance = {"square": square}, square
        if self.centered:
            moved["mean"] = moving(slots["mean"], gradient, self.alpha)
            variance = square - ops.square(moved["mean"])
        taken = gradient / (ops.sqrt(variance) + self.epsilon)
        if self.momentum:
            momentum = at_step(self.momentum, self.iterations, gradient)
            taken = moved["velocity"] = momentum * slots["velocity"] + taken
        return rate * taken, moved

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "alpha": self.alpha,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
