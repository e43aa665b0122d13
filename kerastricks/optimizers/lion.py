"""Lion: every weight moves by the learning rate, up or down.

    w -= lr * decay * w
    w -= lr * sign(b1 m + (1 - b1) g);  then  m = b2 m + (1 - b2) g

Paper: Chen et al., arXiv 2302.06675, and the authors' code, which timm's and
this equal. Acts on: the update. Cost: one number for each weight. Its learning
rate is 3 to 10 times smaller than AdamW's, its decay as much larger. Hurts:
batches below 64, where the paper finds it no better than AdamW. Keras's Lion is
the same law but for the decay's default and its exclusions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_share
from kerastricks.optimizers.base import Optimizer, Slots, as_config, at_step
from kerastricks.optimizers.moments import moving


@keras.saving.register_keras_serializable("kerastricks")
class Lion(Optimizer):
    """The authors' Lion.

    Args:
        betas: of the step and of the average; the first may be a
            LearningRateSchedule.

    Example:
        Lion(1e-4, weight_decay=0.5, no_bias_decay=True)
    """

    decay_law = "decoupled"

    def __init__(
        self,
        learning_rate: Any = 1e-4,
        betas: Sequence[Any] = (0.9, 0.99),
        weight_decay: float = 0.0,
        no_bias_decay: bool = False,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        first, second = betas
        check_share(betas=first)
        check_share(betas=second)
        super().__init__(
            learning_rate,
            momentum=first,
            weight_decay=weight_decay,
            no_bias_decay=no_bias_decay,
            rate_factors=rate_factors,
            **kwargs,
        )
        self.beta = second

    def slot_names(self, variable: Any) -> Sequence[str]:
        return ("first",)

    def move(
        self,
        gradient: Any,
        weight: Any,
        slots: Slots,
        rate: Any,
        age: Any,
        decay: float | None,
    ) -> tuple[Any, Slots]:
        beta = at_step(self.momentum, self.iterations, gradient)
        taken = ops.sign(moving(slots["first"], gradient, beta))
        first = moving(slots["first"], gradient, self.beta)
        return rate * taken, {"first": first}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["momentum"]
        return config | {"betas": [as_config(self.momentum), self.beta]}
