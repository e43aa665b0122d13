"""Stops a run that has lost its way, or that the user wants to stop."""

import math
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerastricks.errors import RunError
from kerastricks.progress import CLEAR
from kerastricks.training.run_state import Interrupted, RunCallback

# Reading a number from the device makes the host wait for it.
STEPS_BETWEEN_LOOKS = 50


ANSWER = f"{CLEAR}stopping after this step; Ctrl-C again stops at once"
ADVICE = (
    "the last checkpoint before it is kept. Try a lower learning_rate or a "
    "longer warm-up in a new run_dir, or --on_nan=rollback"
)


class Diverged(RunError):
    """The numbers have become none; a checkpoint from before may be there.

    Args:
        what: happened.
        received: the numbers of it.
    """

    def __init__(self, what: str, received: str) -> None:
        super().__init__(f"{what}; {ADVICE}. Received: {received}")
        self.what = f"{what} ({received})"


def check_loss(learner: keras.Model) -> None:
    """Raises if too many steps in a row had numbers that are none."""
    step = int(keras.ops.convert_to_numpy(learner.first_bad_step))
    if step >= 0:
        raise Diverged(
            f"loss or gradients became NaN or infinite at step {step + 1}",
            f"step={step + 1}, learning rate {rate_at(learner, step):.4g}"
            f"{loss_scale(learner)}",
        )


def rate_at(learner: keras.Model, step: int) -> float:
    """The learning rate of a step that is past."""
    optimizer = learner.optimizer
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    rate = optimizer.get_config()["learning_rate"]
    if isinstance(rate, dict):
        rate = keras.saving.deserialize_keras_object(rate)(step)
    return float(rate)


def loss_scale(learner: keras.Model) -> str:
    """What is to be said of the loss scale, if there is one."""
    scale = getattr(learner.optimizer, "dynamic_scale", None)
    if scale is None:
        return ""
    return f", loss scale {float(keras.ops.convert_to_numpy(scale)):g}"


def check_finite(variables: Mapping[str, np.ndarray], step: int) -> None:
    """Raises if a variable holds what is no number."""
    for name, values in variables.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise Diverged(
                f"a variable became NaN or infinite by step {step}", name
            )


def current_rate(learner: keras.Model) -> float:
    """The learning rate of the next step."""
    return float(keras.ops.convert_to_numpy(learner.optimizer.learning_rate))


class GuardLoss(RunCallback):
    """Ends the run at a NaN loss, before anything of it is saved."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch and batch % STEPS_BETWEEN_LOOKS == 0:
            check_loss(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        check_loss(self.model)
        for name, value in (logs or {}).items():
            if name == "val_loss" and not math.isfinite(value):
                raise Diverged(
                    "the validation loss is no number: the weights have grown "
                    "too large",
                    f"val_loss={value} after epoch {epoch + 1}",
                )


class WatchSignals(RunCallback):
    """Notes Ctrl-C and SIGTERM; a second Ctrl-C stops at once."""

    def __init__(self, state: Any) -> None:
        super().__init__(state)
        self.asked = False

    def __enter__(self) -> "WatchSignals":
        self.before = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self.before[number] = signal.signal(number, self.note)
            except ValueError:  # not in the main thread: leave signals alone
                break
        return self

    def __exit__(self, *error: Any) -> None:
        for number, handler in self.before.items():
            if handler is not None:  # it was not set by Python
                signal.signal(number, handler)

    def check(self) -> None:
        """Raises if a signal has come."""
        if self.asked:
            raise Interrupted

    def note(self, number: int, frame: Any) -> None:
        """The next step is not begun; asked twice, nothing is waited for."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if sys.stdout.isatty():  # a handler must not use what may be in use
            os.write(sys.stdout.fileno(), ANSWER.encode())
