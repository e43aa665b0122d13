"""What a run remembers beside its variables."""

import dataclasses
import math
from typing import Any

import keras


class Interrupted(Exception):
    """The user asked to stop; what could be saved has been."""


@dataclasses.dataclass
class RunState:
    """Saved in every checkpoint, so that a resumed run goes on as it was.

    Args:
        step: optimizer steps done.
        history: one row of numbers per finished epoch.
        best_top1: on the validation images so far; -1 before the first epoch.
        best_loss: of equally good epochs, the loss of the best.
        best_epoch: the epoch (from 1) that gave it; 0 before the first.
        best_weights: whether these were the weights or their average.
        seconds: of training in earlier processes.
        rollbacks: how often the run has gone back to a checkpoint.
        went_back_to: the step of the last such checkpoint.
    """

    step: int = 0
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    best_top1: float = -1.0
    best_loss: float = math.inf
    best_epoch: int = 0
    best_weights: str = "raw"
    seconds: float = 0.0
    rollbacks: int = 0
    went_back_to: int = -1

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def go_back(self, values: dict[str, Any]) -> None:
        """Takes an earlier state's values, and counts that.

        But not what was best: those weights are in their file and stay so.
        """
        self.rollbacks += 1
        self.went_back_to = values["step"]
        for name in ("step", "history"):
            setattr(self, name, values[name])


class RunCallback(keras.callbacks.Callback):
    """A callback that shares the run's state.

    Only `on_train_batch_begin` is hooked, never `on_train_batch_end`: for the
    latter Keras fetches the numbers of every step from the device.
    """

    def __init__(self, state: RunState) -> None:
        super().__init__()
        self.state = state


class CountSteps(RunCallback):
    """Keeps `state.step`; the first of the callbacks."""

    first = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.first = self.state.step

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.state.step = self.first + batch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.state.step = self.first + self.params["steps"]
