"""What is written while a run goes on."""

import pathlib
import time
from collections.abc import Callable
from typing import Any

import keras

from kerastricks.errors import RunError
from kerastricks.files import need_room, replacing
from kerastricks.training.checkpoint import (
    Checkpoints,
    read_variables,
    write_variables,
)
from kerastricks.training.ema import EpochMeans
from kerastricks.training.guard import (
    WatchSignals,
    check_finite,
    check_loss,
)
from kerastricks.training.run_state import RunCallback, RunState

HDF5_ROOM = 2**18  # bytes for the file's own tables


def room_for(model: keras.Model) -> int:
    """Bytes that a file of its weights takes at most."""
    return 5 * model.count_params() + HDF5_ROOM


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
        if self.state.step != self.saved_step and self.due():
            self.save()
        self.signals.check()

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
        """Never of a run whose loss has become NaN, be it for a step only."""
        check_loss(self.model)
        if int(keras.ops.convert_to_numpy(self.model.bad_steps)):
            return
        variables = read_variables(self.model)
        check_finite(variables, self.state.step)
        now = time.monotonic()
        self.state.seconds = self.seconds_before + now - self.started
        self.checkpoints.save(self.state.step, variables, self.state.to_json())
        self.saved_at, self.saved_step = now, self.state.step


class SaveBest(RunCallback):
    """The weights of the epoch that validates best, ready to load.

    By top-1, and where that is equal by the loss: with several labels an image
    top-1 soon is 100 %, long before the model has learnt them all.
    """

    def __init__(self, state: RunState, path: pathlib.Path) -> None:
        super().__init__(state)
        self.path = path

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        top1, loss = (logs or {})["val_top1"], (logs or {})["val_loss"]
        self.consider(epoch, top1, loss, "raw")

    def consider(
        self, epoch: int, top1: float, loss: float, weights: str
    ) -> None:
        """Keeps what the model's weights are now, if they are the best."""
        best = self.state.best_top1, -self.state.best_loss
        if (top1, -loss) > best:
            self.write()
            self.state.best_top1, self.state.best_loss = top1, loss
            self.state.best_epoch = epoch + 1
            self.state.best_weights = weights

    def write(self) -> None:
        """The classifier's weights, or what was there before."""
        model = self.model.model
        try:
            need_room(self.path.parent, room_for(model))
            with replacing(self.path) as partial:
                model.save_weights(partial)
        except OSError as error:
            raise RunError(
                "the best weights could not be written "
                f"({error.strerror or error}); the last checkpoint is "
                "untouched. Free some space and run the same command again. "
                f"Received: {self.path}"
            ) from None


class MeasureAverage(RunCallback):
    """Validates with the average of the weights after each epoch.

    Args:
        validation: batches for `evaluate`.
        best: told of the result, while the average is in the model.
        start: the first epoch whose weights EpochMeans takes in.
        recalibrate: sets the model's batch-norm statistics anew, if given.
    """

    def __init__(
        self,
        state: RunState,
        validation: Any,
        best: SaveBest,
        start: int = 0,
        recalibrate: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(state)
        self.validation = validation
        self.best = best
        self.start = start
        self.recalibrate = recalibrate

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        learner = self.model
        if isinstance(learner.average, EpochMeans):
            if epoch < self.start:
                return
            learner.average_in(1 / (epoch - self.start + 1))
        with learner.averaged():
            if self.recalibrate:
                self.recalibrate()
            found = learner.evaluate(
                self.validation, verbose=0, return_dict=True
            )
            top1, loss = found["top1"], found["loss"]
            self.best.consider(epoch, top1, loss, "average")
        if logs is not None:
            logs["average_loss"], logs["average_top1"] = loss, top1


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
