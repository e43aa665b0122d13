"""A bar on a terminal, one plain line per epoch anywhere else."""

import sys
import time
from typing import Any, TextIO

from kerastricks.progress import CLEAR, SECONDS_BETWEEN_DRAWS, bar, duration
from kerastricks.training.run_state import RunCallback, RunState


class ShowProgress(RunCallback):
    """Shows how the run goes.

    Args:
        epochs: of the whole run.
        total_steps: of the whole run, for the time left.
    """

    def __init__(
        self,
        state: RunState,
        epochs: int,
        total_steps: int,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__(state)
        self.epochs = epochs
        self.total_steps = total_steps
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        # After the first step, which is slow for being traced.
        self.began = 0.0
        self.began_step = state.step + 1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch + 1
        self.drawn = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        now = time.monotonic()
        if self.state.step == self.began_step:
            self.began = now
        if self.live and now - self.drawn > SECONDS_BETWEEN_DRAWS:
            self.drawn = now
            self.draw(batch)

    def on_test_begin(self, logs: Any = None) -> None:
        if self.live:
            self.put(f"{CLEAR}{self.head()}  validating ...")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        clear = CLEAR if self.live else ""
        row = self.state.history[-1]
        parts = [
            f"loss {row['loss']:.3f}",
            f"top1 {row['top1']:6.2%}",
            *(
                [f"clean {row['clean_top1']:6.2%}"]
                if "clean_top1" in row
                else []
            ),
            f"val_loss {row['val_loss']:.3f}",
            f"val_top1 {row['val_top1']:6.2%}",
            *(
                [f"average {row['average_top1']:6.2%}"]
                if "average_top1" in row
                else []
            ),
            f"{row['images_per_second']:.0f} img/s",
            f"{row['seconds']:.0f} s",
        ]
        if self.state.best_epoch == epoch + 1 and self.is_best(row):
            parts.append("best")
        self.put(f"{clear}{self.head()}  {'  '.join(parts)}\n")

    def is_best(self, row: dict[str, float]) -> bool:
        """Not an epoch of this number that the run has gone back from."""
        own = row["val_top1"], row.get("average_top1")
        return self.state.best_top1 in own

    def head(self) -> str:
        """epoch 3/12, in columns."""
        width = len(str(self.epochs))
        return f"epoch {self.epoch:{width}}/{self.epochs}"

    def draw(self, batch: int) -> None:
        """One frame of the bar."""
        steps = self.params["steps"]
        text = (
            f"{self.head()}  {bar(batch, steps, self.stream)} {batch}/{steps}"
        )
        if batch:
            results = self.model.get_metrics_result()
            text += (
                f"  loss {float(results['loss']):.3f}"
                f"  top1 {float(results['top1']):.1%}{self.time_left()}"
            )
        self.put(f"{CLEAR}{text}")

    def time_left(self) -> str:
        """An estimate from the steps so far, validation included."""
        done = self.state.step - self.began_step
        if done < 1:
            return ""
        per_step = (time.monotonic() - self.began) / done
        left = round(per_step * (self.total_steps - self.state.step))
        return f"  {duration(left)} left"

    def put(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
