"""Global pooling that keeps the peaks: the maximum beside the mean.

    y = [max of x over the places, mean of x over the places]

Source: fast.ai's AdaptiveConcatPool2d, in its order. Acts on: the last feature
maps (`--pool=concat`). Cost: twice the head's inputs. Meant for heads that are
trained on features that stand still. Hurts: few pictures, which twice the
weights learn by heart the sooner.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerastricks")
class ConcatPooling(keras.layers.Layer):
    """Feature maps [B, H, W, C] -> [B, 2 C].

    Example:
        features = ConcatPooling()(x)
    """

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(
            [ops.max(inputs, axis=(1, 2)), ops.mean(inputs, axis=(1, 2))],
            axis=-1,
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], 2 * input_shape[-1])
