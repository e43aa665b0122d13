"""Batch normalisation in one op.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

Paper: Ioffe & Szegedy, arXiv 1502.03167. Acts on: feature maps [B, H, W, C].
Cost: less than Keras's layer, whose numbers it gives: on TensorFlow a batch
goes through the fused op instead of several passes (ResNet-18-D trains 1.16x
faster on a CPU; benchmarks/batch_norm.py). On JAX, and whenever the fused op
does not apply, it is Keras's layer. Weights and weight files of the one are
those of the other. synchronized=True takes the moments of the global batch
under data parallelism, by Keras's several passes; on one device and on JAX a
batch is the global one, and nothing changes. trainable=False keeps all four
weights and normalises by the moving statistics, as in Keras
(`kerastricks.models.freeze_batch_norms` does so for a whole network). Hurts:
batches of a few images, whose moments are noise. Differs from Keras in its
defaults: momentum .9 and epsilon 1e-5, as torch and the published recipes have
them (Keras: .99, 1e-3).
"""

from typing import Any

import keras
from keras import ops

from kerastricks.backend import fused_batch_norm, replica_count

FUSED_DTYPES = ("float16", "bfloat16", "float32")  # no kernel has float64


@keras.saving.register_keras_serializable("kerastricks", "FusedBatchNorm")
class FusedBatchNorm(keras.layers.BatchNormalization):
    """A drop-in for `keras.layers.BatchNormalization`.

    Example:
        y = FusedBatchNorm()(x)
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            axis=axis,
            momentum=momentum,
            epsilon=epsilon,
            # Keras refuses it where a batch is the global one anyway.
            synchronized=synchronized and replica_count is not None,
            **kwargs,
        )
        self.asked_synchronized = synchronized

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        # The op's gradient by fixed statistics is no faster than Keras's.
        frozen = training and not self.trainable
        if frozen or mask is not None or not self.can_fuse(inputs, training):
            return super().call(inputs, training=training, mask=mask)
        moving = self.moving_mean, self.moving_variance
        normalised, *found = fused_batch_norm(
            inputs,
            self.float32(self.gamma if self.scale else 1.0),
            self.float32(self.beta if self.center else 0.0),
            self.epsilon,
            *(() if training else map(self.float32, moving)),
        )
        if training:
            for weight, new in zip(moving, found, strict=True):
                old = self.momentum * self.float32(weight)
                keep = old + (1 - self.momentum) * new
                weight.assign(ops.cast(keep, weight.dtype))
        return normalised

    def float32(self, weight: Any) -> Any:
        """[C], of a weight or of a number that stands for one."""
        weight = ops.cast(weight, "float32")
        return ops.broadcast_to(weight, self.moving_mean.shape)

    def can_fuse(self, inputs: Any, training: Any) -> bool:
        """Whether the fused op does what this layer is set up to do."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        return (
            fused_batch_norm is not None
            and dtype == self.compute_dtype
            and dtype in FUSED_DTYPES
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and not self.renorm
            and not (training and self.synchronized and replica_count() > 1)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "synchronized": self.asked_synchronized,
        }


# Keras names the layers in a weight file by their class and a count: by this
# the files of a network with Keras's layer are those of one with ours.
FusedBatchNorm.__name__ = "BatchNormalization"
