"""Max pooling in torch's geometry.

One pixel of -inf on every side of a 3x3 window; Keras's "same" pads on the
right only when the stride is 2 and the size even.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerastricks")
class PaddedMaxPool2D(keras.layers.Layer):
    """Feature maps [B, H, W, C] at half their size, rounded up.

    Example:
        y = PaddedMaxPool2D(3, strides=2)(x)
    """

    def __init__(
        self, pool_size: int = 3, strides: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = pool_size
        self.strides = strides

    def call(self, inputs: Any) -> Any:
        side = (self.pool_size // 2, self.pool_size // 2)
        padded = ops.pad(
            inputs, [(0, 0), side, side, (0, 0)], constant_values=-float("inf")
        )
        return ops.max_pool(padded, self.pool_size, self.strides, "valid")

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, *sides, channels = input_shape
        halves = (side and -(-side // self.strides) for side in sides)
        return (batch, *halves, channels)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
        }
