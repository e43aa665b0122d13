"""AdamW, exactly torch's: Adam whose decay is not divided by the gradients.

    w -= lr * decay * w,  then Adam's step without decay

Paper: Loshchilov & Hutter, arXiv 1711.05101 (its lr in front of the decay is
the schedule alone; in torch, and here, it is the learning rate). Acts on: the
update. Cost: as Adam. The decay of published recipes (.05 and more) is meant
for this, not for Adam or SGD. Hurts: nothing known; ResNets' published recipes
are SGD's, with half the state. Keras's AdamW is Keras's Adam, see there, and
its decay is .004 unless told otherwise (torch's and this one's: .01).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerastricks.optimizers.adam import Adam


@keras.saving.register_keras_serializable("kerastricks")
class AdamW(Adam):
    """torch.optim.AdamW.

    Example:
        AdamW(1e-3, weight_decay=0.05, no_bias_decay=True)
    """

    decay_law = "decoupled"

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        betas: Sequence[Any] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        no_bias_decay: bool = False,
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
