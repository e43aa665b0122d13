"""Squeeze-and-excitation: channels weighed by what the whole image holds.

    y = x * sigmoid(expand(relu(reduce(mean of x over the places))))

Paper: Hu et al., arXiv 1709.01507. Acts on: the end of a residual branch,
before the addition (the `se_` models). The inner width is a sixteenth of the
channels, rounded to eights, as timm's SE-ResNets have it. Cost: 10% more
parameters in an SE-ResNet-50, .06% more multiply-adds, two passes over the
activations. Hurts: latency, by two small layers one after the other in every
block.
"""

from typing import Any

import keras
from keras import ops

REDUCTION = 16


@keras.saving.register_keras_serializable("kerastricks")
class SqueezeExcite(keras.layers.Layer):
    """Feature maps [B, H, W, C] -> the same, weighed by channel.

    Example:
        y = SqueezeExcite()(x)
    """

    def __init__(
        self,
        reduction: int = REDUCTION,
        initializers: tuple[Any, Any] = ("glorot_uniform", "glorot_uniform"),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.reduction = reduction
        self.initializers = tuple(map(keras.initializers.get, initializers))

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        # timm's make_divisible with no limit on how far it rounds down
        inner = max(8, int(channels / self.reduction + 4) // 8 * 8)
        first, second = self.initializers
        self.reduce = self.dense(inner, "relu", first, "reduce")
        self.expand = self.dense(channels, "sigmoid", second, "expand")
        self.reduce.build((None, channels))
        self.expand.build((None, inner))

    def dense(self, units: int, activation: str, start: Any, name: str) -> Any:
        return keras.layers.Dense(
            units,
            activation,
            kernel_initializer=start,
            dtype=self.dtype_policy,
            name=name,
        )

    def call(self, inputs: Any) -> Any:
        weights = self.expand(self.reduce(ops.mean(inputs, axis=(1, 2))))
        return inputs * weights[:, None, None, :]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "initializers": [
                keras.initializers.serialize(start)
                for start in self.initializers
            ],
        }
