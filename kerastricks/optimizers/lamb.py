"""LAMB: Adam's direction, with steps in proportion to each layer's weights.

    m and v as Adam's
    u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon) + decay * w
    w -= lr * u |w| / |u|                           |.|: of the whole variable

The ratio is 1 where w or u is zero, and for variables that no_bias_decay spares
(unless always_adapt). Paper: You et al., arXiv 1904.00962; law and numbers are
timm's, which also clips the global norm of the gradients to 1 at every step
(its max_grad_norm): here that is clipping's business (`global_clipnorm=1.0` is
the same on one device), and nothing is clipped unless told to. Acts on: the
update, for large batches. Cost: as Adam, and two norms. timm also leaves out
the ratio wherever decay is 0, which makes it Adam there. Hurts: nothing known;
at small batches AdamW does the same for less. Keras's Lamb decays before and
outside the ratio.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.optimizers.adam import Adam
from kerastricks.optimizers.base import Slots
from kerastricks.optimizers.lars import norm, where_both


@keras.saving.register_keras_serializable("kerastricks")
class Lamb(Adam):
    """timm.optim.Lamb.

    Args:
        always_adapt: also where no_bias_decay spares.

    Example:
        Lamb(5e-3, weight_decay=0.02)
    """

    decay_law = "inside"

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        betas: Sequence[Any] = (0.9, 0.999),
        epsilon: float = 1e-6,
        weight_decay: float = 0.01,
        always_adapt: bool = False,
        no_bias_decay: bool = True,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            betas,
            epsilon,
            weight_decay,
            no_bias_decay,
            rate_factors,
            **kwargs,
        )
        self.always_adapt = always_adapt

    def move(
        self,
        gradient: Any,
        weight: Any,
        slots: Slots,
        rate: Any,
        age: Any,
        decay: float | None,
    ) -> tuple[Any, Slots]:
        update, moved = super().move(
            gradient, weight, slots, ops.ones_like(rate), age, decay
        )
        if decay:
            update = update + decay * weight
        if decay is not None or self.always_adapt:
            size, length = norm(weight), norm(update)
            rate = rate * where_both(size, length, size / length)
        return rate * update, moved

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"always_adapt": self.always_adapt}
