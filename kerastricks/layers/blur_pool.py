"""Anti-aliased reduction: a small blur before every second pixel is dropped.

    y = (x, reflected at the borders, * [1, 2, 1] x [1, 2, 1] / 16)[::2, ::2]

Paper: Zhang, arXiv 1904.11486. Acts on: the strides of a ResNet's residual
branches and its stem's max pool; both then have stride 1, and this the stride
(`--blur_pool`, timm's resnetblur50). Cost: the convolutions before it run at
full size: 1.25x the multiply-adds for a ResNet-50. Hurts: speed alone.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

BINOMIAL = np.array([1.0, 2.0, 1.0]) / 4


@keras.saving.register_keras_serializable("kerastricks")
class BlurPool(keras.layers.Layer):
    """Feature maps [B, H, W, C] at half their size, rounded up.

    Example:
        y = BlurPool()(x)
    """

    def __init__(self, strides: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strides = strides

    def call(self, inputs: Any) -> Any:
        channels = inputs.shape[-1]
        blur = np.multiply.outer(BINOMIAL, BINOMIAL)[:, :, None, None]
        padded = ops.pad(
            inputs, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect"
        )
        return ops.depthwise_conv(
            padded,
            ops.cast(np.tile(blur, (1, 1, channels, 1)), inputs.dtype),
            strides=self.strides,
            padding="valid",
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, *sides, channels = input_shape
        halves = (side and -(-side // self.strides) for side in sides)
        return (batch, *halves, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "strides": self.strides}
