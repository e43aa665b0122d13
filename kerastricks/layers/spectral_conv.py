"""Spectral normalisation: a convolution that stretches nothing.

    y = x * (kernel / sigma),  sigma = the kernel's largest singular value

as a matrix [inputs, outputs], by one power iteration a training step; gradients
pass through sigma. Paper: Miyato et al., arXiv 1802.05957. Acts on: every
convolution (`--spectral_norm`). Cost: two small products a convolution. Hurts:
nothing known; it helps what must be smooth (adversarial training,
out-of-distribution scores), accuracy by itself not. Keras's wrapper overwrites
the kernel in each step instead, so that its gradient is another one, and
momentum fights it.
"""

from typing import Any

import keras
from keras import ops

EPSILON = 1e-12  # torch's
WARM_UP = 15  # iterations at the start; torch's


@keras.saving.register_keras_serializable("kerastricks")
class SpectralConv2D(keras.layers.Conv2D):
    """keras.layers.Conv2D, divided by its spectral norm.

    Example:
        y = SpectralConv2D(64, 3, padding="same")(x)
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.left = self.add_weight(
            shape=(self.filters,),
            initializer=keras.initializers.RandomNormal(seed=0),
            trainable=False,
            name="left",
        )
        for _ in range(WARM_UP):
            self.sigma(training=True)

    def sigma(self, training: bool) -> Any:
        """The largest singular value; its vector takes a step in training."""
        matrix = ops.reshape(
            ops.cast(self.kernel, "float32"), (-1, self.filters)
        )
        still = ops.stop_gradient(matrix)
        left = unit(ops.cast(self.left, "float32"))
        right = unit(ops.matmul(still, left))
        if training:
            left = unit(ops.matmul(right, still))
            self.left.assign(left)
        return ops.sum(ops.matmul(right, matrix) * left)

    def call(self, inputs: Any, training: bool = False) -> Any:
        kernel = ops.cast(self.kernel, "float32") / self.sigma(training)
        outputs = self.convolution_op(
            inputs, ops.cast(kernel, self.compute_dtype)
        )
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, outputs.dtype)
        return outputs if self.activation is None else self.activation(outputs)

    # Keras's convolutions only think of their kernel and bias here.
    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["left"] = self.left

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        self.left.assign(store["left"])


def unit(vector: Any) -> Any:
    return vector / ops.maximum(ops.norm(vector), EPSILON)
