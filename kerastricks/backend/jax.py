"""JAX's side of the step: the state of the model goes in and comes out."""

from typing import Any

import jax
import keras


class StepShim:
    """Prepares the batch inside the compiled step, then does Keras's step."""

    def train_step(self, state: Any, data: Any) -> Any:
        prepared = self.prepare_with(state, data, training=True)
        return super().train_step(state, prepared)  # type: ignore[misc]

    def test_step(self, state: Any, data: Any) -> Any:
        prepared = self.prepare_with(state, data, training=False)
        return super().test_step(state, prepared)  # type: ignore[misc]

    def prepare_with(self, state: Any, data: Any, training: bool) -> Any:
        """`prepare`, which may read the variables that are in the state."""
        variables = self.non_trainable_variables  # type: ignore[attr-defined]
        mapping = list(zip(variables, state[1], strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return self.prepare(data, training=training)

    def prepare(self, data: Any, training: bool) -> Any:
        raise NotImplementedError


# One call of XLA; inside a compiled step it is part of that step.
fused = jax.jit

# XLA fuses Keras's own batch norm, and an optimizer's arithmetic.
fused_batch_norm = None
apply_momentum = None

# A step sees the global batch, on however many devices it lies.
replica_count = None


def accelerator_has_bfloat16() -> bool | None:
    """Whether the accelerator computes in bfloat16; None if there is none."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return None
    return float(getattr(device, "compute_capability", "9.0")) >= 8
