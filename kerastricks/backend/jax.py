"""JAX's side of the step: the state of the model goes in and comes out."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import keras


@contextlib.contextmanager
def spread(devices: list[str] | None) -> Iterator[None]:
    """What is built within learns on all of these devices; None: on one."""
    before = keras.distribution.distribution()
    parts = devices and keras.distribution.DataParallel(devices=devices)
    keras.distribution.set_distribution(parts)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def device_names() -> list[str]:
    """Of all devices of the best kind that there is."""
    return keras.distribution.list_devices()


class StepShim:
    """Keras's entries into the step: the state goes in and comes out."""

    def train_step(self, state: Any, data: Any) -> Any:
        groups = (
            self.trainable_variables,  # type: ignore[attr-defined]
            self.non_trainable_variables,  # type: ignore[attr-defined]
            self.optimizer.variables,  # type: ignore[attr-defined]
            self.metrics_variables,  # type: ignore[attr-defined]
        )
        with keras.StatelessScope(state_mapping=paired(groups, state)) as scope:
            logs = self.step(data)
        return logs, tuple(
            [scope.get_current_value(variable) for variable in group]
            for group in groups
        )

    def test_step(self, state: Any, data: Any) -> Any:
        groups = (self.non_trainable_variables,)  # type: ignore[attr-defined]
        with keras.StatelessScope(state_mapping=paired(groups, state[1:2])):
            prepared = self.prepare(data, training=False)
        return super().test_step(state, prepared)  # type: ignore[misc]

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Each device sees all of it: a last batch need not divide evenly."""
        with spread(None):
            return super().evaluate(*args, **kwargs)  # type: ignore[misc]

    def step(self, data: Any) -> Any:
        raise NotImplementedError

    def prepare(self, data: Any, training: bool) -> Any:
        raise NotImplementedError


def paired(groups: Any, values: Any) -> list[tuple[Any, Any]]:
    """(variable, value) of each variable of each group."""
    return [
        pair
        for group, group_values in zip(groups, values, strict=True)
        for pair in zip(group, group_values, strict=True)
    ]


def value_and_gradients(function: Any, values: list[Any]) -> tuple[Any, Any]:
    """((loss, more), gradients) of a function of arrays."""
    return jax.value_and_grad(function, has_aux=True)(values)


def apply_gradients(optimizer: Any, gradients: Any, variables: Any) -> None:
    """One step of a Keras optimizer within a StatelessScope.

    Loss scaling skips some steps: `apply` would assign within a branch.
    """
    new = optimizer.stateless_apply(
        [variable.value for variable in optimizer.variables],
        gradients,
        [variable.value for variable in variables],
    )
    for variable, value in paired((variables, optimizer.variables), new):
        variable.assign(value)


def sum_over_replicas(values: list[Any]) -> list[Any]:
    """A step sees the global batch: the values are the sums already."""
    return values


def divisible(batch: Any, parts: int, rule: str) -> Any:
    """The batch; an error if it, often the last one, has a rest."""
    rows = batch.shape[0]
    if rows % parts:
        raise ValueError(f"{rule}{rows}")
    return batch


# One call of XLA; inside a compiled step it is part of that step.
fused = jax.jit

# XLA fuses Keras's own batch norm, and an optimizer's arithmetic.
fused_batch_norm = None
apply_momentum = None
apply_adam = None

# A step sees the global batch, on however many devices it lies.
replica_count = None


def replica_index() -> int:
    """There is one."""
    return 0


def accelerator_has_bfloat16() -> bool | None:
    """Whether the accelerator computes in bfloat16; None if there is none."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return None
    return float(getattr(device, "compute_capability", "9.0")) >= 8
