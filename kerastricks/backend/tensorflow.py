"""TensorFlow's side of the step."""

from typing import Any

import tensorflow as tf


class StepShim:
    """Prepares the batch inside the compiled step, then does Keras's step."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(self.prepare(data, training=True))  # type: ignore[misc]

    def test_step(self, data: Any) -> Any:
        return super().test_step(self.prepare(data, training=False))  # type: ignore[misc]

    def prepare(self, data: Any, training: bool) -> Any:
        raise NotImplementedError


def fused(function: Any) -> Any:
    """The function compiled by XLA as one, also inside a step that is not.

    On CPUs the step is a plain graph, since XLA's convolutions are slow there;
    what goes over the pixels one by one XLA does in one pass instead of many.
    """
    return tf.function(function, jit_compile=True)


def fused_batch_norm(
    images: Any, gamma: Any, beta: Any, epsilon: float
) -> tuple[Any, Any, Any]:
    """(normalised, mean, biased variance) of a training batch, NHWC.

    Keras computes the moments and normalises in several passes over the
    activations; this is one op. It gives the unbiased variance; Keras keeps the
    biased one.
    """
    normalised, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        images, gamma, beta, epsilon=epsilon, is_training=True
    )
    shape = tf.shape(images)
    count = tf.cast(shape[0] * shape[1] * shape[2], variance.dtype)
    return normalised, mean, variance * ((count - 1) / count)


def accelerator_has_bfloat16() -> bool | None:
    """Whether the GPUs compute in bfloat16; None if there is no GPU."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return None
    details = tf.config.experimental.get_device_details(devices[0])
    return details.get("compute_capability", (0, 0)) >= (8, 0)
