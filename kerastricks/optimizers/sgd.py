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
.9, ten times weaker than the same number in a published recipe.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.backend import apply_momentum
from kerastricks.optimizers.decay_mask import is_decayed

SEMANTICS = ("torch", "mxnet", "decoupled")


@keras.saving.register_keras_serializable("kerastricks")
class SGD(keras.optimizers.Optimizer):
    """Stochastic gradient descent.

    Args:
        semantics: `torch`, `mxnet` or `decoupled`; see above.
        no_bias_decay: leave variables of at most one dimension undecayed.

    Example:
        SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        semantics: str = "torch",
        no_bias_decay: bool = False,
        **kwargs: Any,
    ) -> None:
        if semantics not in SEMANTICS:
            raise ValueError(
                f"semantics must be one of {', '.join(SEMANTICS)}. "
                f"Received: semantics={semantics}"
            )
        if not 0 <= momentum < 1:
            raise ValueError(
                f"momentum must be in [0, 1). Received: momentum={momentum}"
            )
        # Keras's own weight_decay stays unused: it is always decoupled.
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.nesterov = nesterov
        self.decay = weight_decay
        self.semantics = semantics
        self.no_bias_decay = no_bias_decay
        self.velocities: list[Any] = []

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        if self.momentum:
            self.velocities = self.add_optimizer_variables(
                variables, "velocity"
            )

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        rate = ops.cast(learning_rate, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        weight = ops.convert_to_tensor(variable)
        if self.decay and is_decayed(variable, self.no_bias_decay):
            if self.semantics == "decoupled":
                weight = weight - rate * self.decay * weight
            else:
                gradient = gradient + self.decay * weight
        if not self.momentum:
            self.assign(variable, weight - rate * gradient)
            return
        velocity = self.velocities[self._get_variable_index(variable)]
        if apply_momentum is None or self.semantics == "mxnet":
            step = self.momentum_step(gradient, velocity, rate)
            self.assign(variable, weight - step)
            return
        if self.semantics == "decoupled":
            self.assign(variable, weight)
        apply_momentum(
            variable, velocity, gradient, rate, self.momentum, self.nesterov
        )

    def momentum_step(self, gradient: Any, velocity: Any, rate: Any) -> Any:
        """Moves the velocity on; the step that follows from it."""
        if self.semantics == "mxnet":
            moved = self.momentum * velocity + rate * gradient
            ahead = rate * gradient + self.momentum * moved
            step = ahead if self.nesterov else moved
        else:
            moved = self.momentum * velocity + gradient
            ahead = gradient + self.momentum * moved
            step = rate * (ahead if self.nesterov else moved)
        self.assign(velocity, moved)
        return step

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "weight_decay": self.decay,
            "semantics": self.semantics,
            "no_bias_decay": self.no_bias_decay,
        }
