"""The numbers of each epoch: in memory, as CSV, and for TensorBoard."""

import csv
import io
import pathlib
import time
from typing import Any

import tensorflow as tf

from kerastricks.files import write_text
from kerastricks.training.guard import current_rate
from kerastricks.training.run_state import RunCallback, RunState

COLUMNS = (
    "epoch",
    "step",
    "learning_rate",
    "loss",
    "top1",
    "top5",
    "val_loss",
    "val_top1",
    "val_top5",
    "average_loss",
    "average_top1",
    "clean_loss",
    "clean_top1",
    "images_per_second",
    "seconds",
)


class MeasureClean(RunCallback):
    """Adds the loss and accuracy on training images as they are.

    Under mixing, erasing and strong crops the training accuracy says how hard
    the tricks make it, not what the model knows: the gap between this number
    and validation's is what it has merely learnt by heart.
    """

    def __init__(self, state: RunState, batches: Any) -> None:
        super().__init__(state)
        self.batches = batches

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        found = self.model.evaluate(self.batches, verbose=0, return_dict=True)
        if logs is not None:
            logs["clean_loss"] = found["loss"]
            logs["clean_top1"] = found["top1"]


class KeepHistory(RunCallback):
    """Adds a row to the state's history at the end of each epoch."""

    def __init__(self, state: RunState, batch_size: int) -> None:
        super().__init__(state)
        self.batch_size = batch_size

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.monotonic()
        self.second_step: float | None = None
        self.training_done: float | None = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == 1:  # the first step may compile
            self.second_step = time.monotonic()

    def on_test_begin(self, logs: Any = None) -> None:
        self.training_done = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        row = dict(logs or {}) | {
            "epoch": epoch + 1,
            "step": self.state.step,
            "learning_rate": current_rate(self.model),
            "images_per_second": round(self.speed(), 1),
            "seconds": round(time.monotonic() - self.began, 2),
        }
        self.state.history.append(
            {name: row[name] for name in COLUMNS if name in row}
        )

    def speed(self) -> float:
        """Training images per second, validation and compiling left out."""
        end = self.training_done or time.monotonic()
        steps = self.params["steps"]
        if self.second_step is None:
            return steps * self.batch_size / (end - self.began)
        return (steps - 1) * self.batch_size / max(end - self.second_step, 1e-9)


class WriteMetrics(RunCallback):
    """`metrics.csv`, written anew each time so that it matches the state."""

    def __init__(self, state: RunState, path: pathlib.Path) -> None:
        super().__init__(state)
        self.path = path

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.state.history)
        write_text(self.path, text.getvalue())


class WriteEvents(RunCallback):
    """TensorBoard scalars by epoch, without needing TensorBoard to write."""

    def __init__(self, state: RunState, folder: pathlib.Path) -> None:
        super().__init__(state)
        self.folder = folder
        self.writer: Any = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.writer is None:
            self.writer = tf.summary.create_file_writer(str(self.folder))
        about = tf.compat.v1.SummaryMetadata()
        about.plugin_data.plugin_name = "scalars"
        with self.writer.as_default(step=epoch + 1):
            for name, value in self.state.history[-1].items():
                if name not in ("epoch", "step"):
                    value = tf.constant(value, tf.float32)
                    tf.summary.write(name, value, metadata=about)
        self.writer.flush()
