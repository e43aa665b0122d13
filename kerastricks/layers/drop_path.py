"""Stochastic depth: a sample skips a residual branch.

    y = x * b / (1 - rate),  b ~ Bernoulli(1 - rate) for each sample

Paper: Huang et al., arXiv 1603.09382; divided by the share that is kept as in
timm's DropPath, so that inference needs no factor. Acts on: the end of a
residual branch, before the addition; models raise the rate linearly from 0 in
the first block to `--drop_path` in the last. Cost: none to speak of (the branch
is computed all the same). Hurts: short runs and small networks, which underfit.
keras-cv's StochasticDepth drops the whole batch at once.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerastricks")
class DropPath(keras.layers.Layer):
    """Drops a whole sample of its input, at a rate.

    Example:
        y = shortcut + DropPath(0.1)(branch)
    """

    def __init__(
        self, rate: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be in [0, 1). Received: rate={rate}")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or not self.rate:
            return inputs
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        drawn = keras.random.uniform(
            shape, dtype="float32", seed=self.seed_generator
        )
        kept = ops.cast(drawn >= self.rate, inputs.dtype)
        return inputs * (kept / (1 - self.rate))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
