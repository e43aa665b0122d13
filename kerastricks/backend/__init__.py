"""The only code that differs between Keras's backends.

StepShim: `train_step` and `test_step`, whose signatures differ.
value_and_gradients: of a pure function of a list of tensors.
apply_gradients: one step of an optimizer.
sum_over_replicas: of tensors, where each replica has its own.
fused_batch_norm: one op that normalises a batch, or None where the backend's
    compiler fuses Keras's own.
replica_count: of how many parts of the global batch a step sees one, or None
    where it always sees all of it.
replica_index: which of them it is; 0 where there is one.
device_names: of the devices that a batch may be divided among.
spread: what is built within learns on several of them.
divisible: a batch as it is, or an error if it has no so many equal parts.
apply_momentum: torch's SGD with momentum as one op, or None likewise.
apply_adam: Adam's moments and step as one op, or None likewise.
fused: a function compiled by XLA as one, inside a step that is not, too.
accelerator_has_bfloat16: what --precision=auto goes by.
"""

import importlib
from typing import Any

import keras

NAME = keras.backend.backend()
if NAME not in ("tensorflow", "jax"):
    raise ImportError(
        "kerastricks runs on the tensorflow and jax backends of Keras. "
        f"Received: KERAS_BACKEND={NAME}"
    )
module = importlib.import_module(f"kerastricks.backend.{NAME}")

StepShim: Any = module.StepShim
value_and_gradients: Any = module.value_and_gradients
apply_gradients: Any = module.apply_gradients
sum_over_replicas: Any = module.sum_over_replicas
fused_batch_norm: Any = module.fused_batch_norm
apply_momentum: Any = module.apply_momentum
apply_adam: Any = module.apply_adam
divisible: Any = module.divisible
fused: Any = module.fused
replica_count: Any = module.replica_count
replica_index: Any = module.replica_index
device_names: Any = module.device_names
spread: Any = module.spread
accelerator_has_bfloat16: Any = module.accelerator_has_bfloat16

__all__ = [
    "StepShim",
    "accelerator_has_bfloat16",
    "apply_adam",
    "apply_gradients",
    "apply_momentum",
    "device_names",
    "divisible",
    "fused",
    "fused_batch_norm",
    "replica_count",
    "replica_index",
    "spread",
    "sum_over_replicas",
    "value_and_gradients",
]
