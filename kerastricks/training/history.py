"""The numbers of each epoch: in memory, as CSV, and for TensorBoard."""

import csv
import io
import pathlib
import statistics
import time
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from kerastricks.files import write_text
from kerastricks.training.guard import current_rate
from kerastricks.training.phases import Phase, phase_at
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
    "image_size",
    "batch_size",
    "images_per_second",
    "seconds",
)


def resize_speedup(history: Sequence[dict[str, float]]) -> float | None:
    """How much longer all images would have taken at the last size.

    None where all have one size. Of the steps alone, without validation; the
    speed at that size is the median of its epochs.
    """
    sizes = {row.get("image_size") for row in history}
    if len(sizes) == 1 or None in sizes:  # a run that an older version began
        return None
    last = history[-1]["image_size"]
    at_last = [row for row in history if row["image_size"] == last]
    speed = statistics.median(row["images_per_second"] for row in at_last)
    images = [
        (row["step"] - before) * row["batch_size"]
        for row, before in zip(
            history, [0, *(row["step"] for row in history)], strict=False
        )
    ]
    seconds = sum(
        count / row["images_per_second"]
        for count, row in zip(images, history, strict=True)
    )
    return sum(images) / speed / seconds


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

    def __init__(self, state: RunState, phases: Sequence[Phase]) -> None:
        super().__init__(state)
        self.phases = phases

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.phase = phase_at(self.phases, self.state.step)
        self.began = time.monotonic()
        self.rate = current_rate(self.model)
        self.second_step: float | None = None
        self.training_done: float | None = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == 1:  # the first step may compile
            self.second_step = time.monotonic()
        if batch == self.params["steps"] - 1:
            self.rate = current_rate(self.model)

    def on_test_begin(self, logs: Any = None) -> None:
        self.training_done = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        row = dict(logs or {}) | {
            "epoch": epoch + 1,
            "step": self.state.step,
            "learning_rate": self.rate,
            "image_size": self.phase.image_size,
            "batch_size": self.phase.batch_size,
            "images_per_second": round(self.speed(), 1),
            "seconds": round(time.monotonic() - self.began, 2),
        }
        self.state.history.append(
            {name: row[name] for name in COLUMNS if name in row}
        )

    def speed(self) -> float:
        """Training images per second, validation and compiling left out."""
        end = self.training_done or time.monotonic()
        steps, size = self.params["steps"], self.phase.batch_size
        if self.second_step is None:
            return steps * size / (end - self.began)
        return (steps - 1) * size / max(end - self.second_step, 1e-9)


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
