"""SGD with momentum, exactly as torch, MXNet or neither has it.

g is the gradient, w the weight, m the momentum, lr may change at every step.

    torch:      g += decay * w;  v = m * v + g
                w -= lr * (g + m * v)   (Nesterov)   or   w -= lr * v
    mxnet:      g += decay * w;  v = m * v + lr * g
                w -= lr * g + m * v     (NAG)        or   w -= v
    decoupled:  w -= lr * decay * w;  then torch's without decay

Published ImageNet recipes mean the first (torch, timm) or the second (GluonCV,
the bag-of-tricks paper). They agree while lr is constant; when it changes,
torch's velocity takes the new rate at once and MXNet's keeps the old one.
Keras's SGD is MXNet's but for its decay, which is decoupled and so, at momentum
.9, ten times weaker than the same number in a published recipe. Acts on: the
update. Cost: one number for each weight. Hurts: networks without normalisation
and transformers, which want Adam's kind.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.backend import apply_momentum
from kerastricks.optimizers.base import Optimizer, Slots, alike, at_step

SEMANTICS = ("torch", "mxnet", "decoupled")


@keras.saving.register_keras_serializable("kerastricks")
class SGD(Optimizer):
    """Stochastic gradient descent.

    Args:
        momentum: a number, or a LearningRateSchedule that gives it.
        semantics: `torch`, `mxnet` or `decoupled`; see above.
        no_bias_decay: leave variables of at most one dimension undecayed.
        rate_factors: of each variable's path a factor of its learning rate.

    Example:
        SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        momentum: Any = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        semantics: str = "torch",
        no_bias_decay: bool = False,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if semantics not in SEMANTICS:
            raise ValueError(
                f"semantics must be one of {', '.join(SEMANTICS)}. "
                f"Received: semantics={semantics}"
            )
        super().__init__(
            learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            no_bias_decay=no_bias_decay,
            rate_factors=rate_factors,
            **kwargs,
        )
        self.nesterov = nesterov
        self.semantics = semantics
        if semantics == "decoupled":
            self.decay_law = "decoupled"

    def slot_names(self, variable: Any) -> Sequence[str]:
        return ("velocity",) if self.momentum else ()

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
        if decay and self.decay_law == "decoupled":
            self.assign_sub(variable, rate * decay * weight)
        apply_momentum(
            variable,
            slots["velocity"],
            self.prepared(gradient, weight, decay),
            rate,
            at_step(self.momentum, self.iterations, gradient),
            self.nesterov,
        )

    def fuses(self, variable: Any, gradient: Any) -> bool:
        """Whether the backend has this step as one op."""
        return (
            apply_momentum is not None
            and bool(self.momentum)
            and self.semantics != "mxnet"
            and alike(variable, gradient)
        )

    def move(
        self,
        gradient: Any,
        weight: Any,
        slots: Slots,
        rate: Any,
        age: Any,
        decay: float | None,
    ) -> tuple[Any, Slots]:
        inside = self.semantics == "mxnet"  # the rate, in the velocity
        taken = rate * gradient if inside else gradient
        moved = {}
        if self.momentum:
            momentum = at_step(self.momentum, self.iterations, gradient)
            velocity = momentum * slots["velocity"] + taken
            moved = {"velocity": velocity}
            taken = taken + momentum * velocity if self.nesterov else velocity
        return taken if inside else rate * taken, moved

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "nesterov": self.nesterov,
            "semantics": self.semantics,
        }
