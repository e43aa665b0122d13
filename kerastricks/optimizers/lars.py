"""LARS: each layer moves in proportion to the size of its weights.

    r = trust |w| / (|g| + decay |w| + epsilon)    |.|: of the whole variable
    g = r (g + decay w);  v = m v + g
    w -= lr * (g + m * v)   (Nesterov)   or   w -= lr * v

r is 1 where w or g is zero, and for variables that no_bias_decay spares (unless
always_adapt). Paper: You et al., arXiv 1708.03888; law and numbers are timm's.
Acts on: the update, for batches of 8192 and more, where SGD with a long warm-up
no longer does. Cost: two norms of each variable. The paper has lr inside the
momentum. timm also leaves out r wherever decay is 0, which makes it SGD there.
Hurts: small batches, where its rates mean nothing that SGD's recipes know.
"""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_least
from kerastricks.optimizers.sgd import SGD


@keras.saving.register_keras_serializable("kerastricks")
class Lars(SGD):
    """timm.optim.Lars.

    Args:
        trust_coefficient: how far a step may go, per size of the weights.
        always_adapt: also where no_bias_decay spares.

    Example:
        Lars(4.0, momentum=0.9, weight_decay=1e-4)
    """

    decay_law = "inside"

    def __init__(
        self,
        learning_rate: Any = 1.0,
        momentum: Any = 0.9,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        trust_coefficient: float = 1e-3,
        epsilon: float = 1e-8,
        always_adapt: bool = False,
        no_bias_decay: bool = True,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        check_least(0, trust_coefficient=trust_coefficient, epsilon=epsilon)
        super().__init__(
            learning_rate,
            momentum,
            nesterov,
            weight_decay,
            no_bias_decay=no_bias_decay,
            rate_factors=rate_factors,
            **kwargs,
        )
        self.trust_coefficient = trust_coefficient
        self.epsilon = epsilon
        self.always_adapt = always_adapt

    def prepared(self, gradient: Any, weight: Any, decay: float | None) -> Any:
        """The gradient that momentum sees."""
        if decay is None and not self.always_adapt:
            return gradient
        decay = decay or 0.0
        size, steep = norm(weight), norm(gradient)
        trust = self.trust_coefficient * size
        trust = trust / (steep + decay * size + self.epsilon)
        trust = where_both(size, steep, trust)
        return trust * (gradient + decay * weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["semantics"]
        return config | {
            "trust_coefficient": self.trust_coefficient,
            "epsilon": self.epsilon,
            "always_adapt": self.always_adapt,
        }


def norm(value: Any) -> Any:
    """The root of the sum of squares of all of it."""
    return ops.sqrt(ops.sum(ops.square(value)))


def where_both(one: Any, other: Any, ratio: Any) -> Any:
    """The ratio where both are positive, else 1."""
    both = ops.logical_and(one > 0, other > 0)
    return ops.where(both, ratio, ops.ones_like(ratio))
