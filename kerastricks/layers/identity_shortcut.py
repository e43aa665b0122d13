"""The shortcut without parameters: pixels skipped, channels filled with zeros.

Paper: He et al., arXiv 1512.03385, option A, which its CIFAR networks use. The
new channels are shared out before and after the old ones.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerastricks")
class IdentityShortcut(keras.layers.Layer):
    """[B, H, W, C] -> [B, H / strides, W / strides, filters].

    Example:
        shortcut = IdentityShortcut(32, strides=2)(x)
    """

    def __init__(self, filters: int, strides: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides

    def call(self, inputs: Any) -> Any:
        new = self.filters - inputs.shape[-1]
        # The pixels [::strides, ::strides], by an op that is faster at it than
        # slicing, also backwards (docs/performance.md).
        kept = ops.average_pool(inputs, 1, self.strides, "valid")
        return ops.pad(
            kept,
            [(0, 0), (0, 0), (0, 0), (new // 2, new - new // 2)],
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, *sides, _ = input_shape
        kept = (side and -(-side // self.strides) for side in sides)
        return (batch, *kept, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
        }
