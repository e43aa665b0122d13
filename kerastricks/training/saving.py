"""What is written while a run goes on."""

import pathlib
import time
from typing import Any

from kerastricks.files import replacing
from kerastricks.training.checkpoint import (
    Checkpoints,
    read_variables,
    write_variables,
)
from kerastricks.training.guard import WatchSignals, check_loss, current_rate
from kerastricks.training.run_state import Interrupted, RunCallback, RunState


class SaveCheckpoints(RunCallback):
    """A checkpoint at each epoch's end, and by steps or minutes within.

    Args:
        signals: when one has come, saves and raises `Interrupted`.
    """

    def __init__(
        self,
        state: RunState,
        checkpoints: Checkpoints,
        signals: WatchSignals,
        steps: int = 0,
        minutes: float = 0.0,
    ) -> None:
        super().__init__(state)
        self.checkpoints = checkpoints
        self.signals = signals
        self.steps = steps
        self.minutes = minutes
        self.saved_at = self.started = time.monotonic()
        self.seconds_before = state.seconds
        self.saved_step = state.step

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.state.step > self.saved_step and self.due():
            self.save()
        if self.signals.asked:
            raise Interrupted

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # The next epoch counts from zero; validation has left its counts.
        self.model.reset_metrics()
        self.save()

    def due(self) -> bool:
        """Whether it is time to save within an epoch."""
        waited = time.monotonic() - self.saved_at
        return (
            self.signals.asked
            or bool(self.steps and self.state.step % self.steps == 0)
            or bool(self.minutes and waited >= 60 * self.minutes)
        )

    def save(self) -> None:
        """Never of a run whose loss has become NaN."""
        check_loss(self.model, current_rate(self.model))
        now = time.monotonic()
        self.state.seconds = self.seconds_before + now - self.started
        self.checkpoints.save(
            self.state.step, read_variables(self.model), self.state.to_json()
        )
        self.saved_at, self.saved_step = now, self.state.step


class SaveBest(RunCallback):
    """The weights of the epoch that validates best, ready to load."""

    def __init__(self, state: RunState, path: pathlib.Path) -> None:
        super().__init__(state)
        self.path = path

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        top1 = (logs or {})["val_top1"]
        if top1 > self.state.best_top1:
            with replacing(self.path) as partial:
                self.model.model.save_weights(partial)
            self.state.best_top1 = top1
            self.state.best_epoch = epoch + 1


class RestoreOnce(RunCallback):
    """Puts a checkpoint's variables back when the first epoch has begun.

    Then, because `fit` resets the metrics before each epoch, and an epoch that
    is resumed in its middle must go on counting.
    """

    def __init__(self, state: RunState, values: dict[str, Any]) -> None:
        super().__init__(state)
        self.values = values

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.values:
            write_variables(self.model, self.values)
            self.values = {}
