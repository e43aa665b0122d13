"""TensorFlow's side of the step."""

import functools
from typing import Any

import keras
import tensorflow as tf


class StepShim:
    """Keras's entries into the step; variables change where they are."""

    def train_step(self, data: Any) -> Any:
        return self.step(data)

    def test_step(self, data: Any) -> Any:
        return super().test_step(self.prepare(data, training=False))  # type: ignore[misc]

    def step(self, data: Any) -> Any:
        raise NotImplementedError

    def prepare(self, data: Any, training: bool) -> Any:
        raise NotImplementedError


def value_and_gradients(function: Any, values: list[Any]) -> tuple[Any, Any]:
    """((loss, more), gradients) of a function of tensors."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        found = function(values)
    zero = tf.UnconnectedGradients.ZERO
    return found, tape.gradient(found[0], values, unconnected_gradients=zero)


def apply_gradients(optimizer: Any, gradients: Any, variables: Any) -> None:
    """One step of a Keras optimizer."""
    optimizer.apply(gradients, variables)


def sum_over_replicas(values: list[Any]) -> list[Any]:
    """The sums, everywhere, of what each replica has."""
    if replica_count() == 1:
        return values
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def divisible(batch: Any, parts: int, rule: str) -> Any:
    """The batch; it stops the step if it, often the last one, has a rest."""
    rows = tf.shape(batch)[0]
    whole = tf.debugging.Assert(rows % parts == 0, [rule, rows])
    with tf.control_dependencies([whole]):
        return tf.identity(batch)


def fused(function: Any) -> Any:
    """The function compiled by XLA as one, also inside a step that is not.

    On CPUs the step is a plain graph, since XLA's convolutions are slow there;
    what goes over the pixels one by one XLA does in one pass instead of many.
    """
    return tf.function(function, jit_compile=True)


def fused_batch_norm(
    images: Any,
    gamma: Any,
    beta: Any,
    epsilon: float,
    mean: Any = None,
    variance: Any = None,
) -> tuple[Any, Any, Any]:
    """(normalised, mean, biased variance), NHWC; all but images float32.

    By the statistics that are given, else by those of the batch. Keras goes
    over the activations several times; this is one op. It gives the unbiased
    variance of a batch; Keras keeps the biased one.
    """
    of_batch = mean is None
    normalised, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        images, gamma, beta, mean, variance, epsilon, is_training=of_batch
    )
    if of_batch:
        count = tf.cast(tf.size(images) / images.shape[-1], variance.dtype)
        variance *= (count - 1) / count
    return normalised, mean, variance


def device_names() -> list[str]:
    """Of all accelerators; of the CPU's devices if there is none."""
    # Not by list_logical_devices, which starts TensorFlow: its threads could
    # not be set any more.
    for kind in ("GPU", "CPU"):
        parts = [
            part
            for device in tf.config.list_physical_devices(kind)
            for part in tf.config.get_logical_device_configuration(device)
            or [device]
        ]
        if parts:
            return [f"{kind}:{place}" for place in range(len(parts))]
    return []


def spread(devices: list[str]) -> Any:
    """What is built within learns on all of these devices."""
    return mirrored(*devices).scope()


@functools.cache
def mirrored(*devices: str) -> Any:
    """One for a process: a second one would number its sums anew.

    They would then be taken for those of the first one.
    """
    return tf.distribute.MirroredStrategy(devices)


def replica_count() -> int:
    """How many parts of the global batch a step sees one of."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_index() -> Any:
    """Which of the replicas this is."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group


def apply_momentum(
    variable: Any,
    velocity: Any,
    gradient: Any,
    rate: Any,
    momentum: float,
    nesterov: bool,
) -> None:
    """torch's momentum in place: one pass over the weights instead of six."""
    tf.raw_ops.ResourceApplyMomentum(
        var=handle(variable),
        accum=handle(velocity),
        lr=rate,
        grad=gradient,
        momentum=tf.cast(momentum, gradient.dtype),
        use_nesterov=nesterov,
    )


def apply_adam(
    variable: Any,
    first: Any,
    second: Any,
    gradient: Any,
    rate: Any,
    betas: tuple[Any, Any],
    epsilon: Any,
) -> None:
    """Adam in place; rate and epsilon hold the bias corrections already."""
    one, two = (tf.cast(beta, gradient.dtype) for beta in betas)
    zero = tf.zeros((), gradient.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=handle(variable),
        m=handle(first),
        v=handle(second),
        beta1_power=zero,
        beta2_power=zero,
        lr=rate,
        beta1=one,
        beta2=two,
        epsilon=epsilon,
        grad=gradient,
    )


def handle(variable: Any) -> Any:
    """Of Keras's variable, or of TensorFlow's own under tf.distribute."""
    if isinstance(variable, keras.Variable):
        variable = variable.value
    return variable.handle


def accelerator_has_bfloat16() -> bool | None:
    """Whether the GPUs compute in bfloat16; None if there is no GPU."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return None
    details = tf.config.experimental.get_device_details(devices[0])
    return details.get("compute_capability", (0, 0)) >= (8, 0)
