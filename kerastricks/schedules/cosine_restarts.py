"""SGDR: cosine decay that starts anew again and again.

    cycle i = 0, 1, ... has round(first_steps * cycle_mult ** i) steps, and in
    its step t
    lr = end + (peak * peak_mult ** i - end) * (1 + cos(pi * t / steps)) / 2

Paper: Loshchilov & Hutter, arXiv 1608.03983 (cycle_mult 1 or 2, peak_mult 1).
Acts on: the whole run; the weights before each restart are good ones to keep or
to average. Cost: none. Hurts: a run that ends within a cycle ends at a high
rate, so make the cycles fill it: n of them are first_steps * (cycle_mult ** n -
1) / (cycle_mult - 1) steps. Checked against torch's CosineAnnealingWarmRestarts
and timm's CosineLRScheduler. Keras's CosineDecayRestarts finds the cycle by a
logarithm in float32, which misses by one at some restarts.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_least
from kerastricks.schedules.cosine import half_cosine
from kerastricks.schedules.decay import whole

LAST = 2**24  # steps: float32 tells no later ones apart


@keras.saving.register_keras_serializable("kerastricks")
class CosineRestarts(keras.optimizers.schedules.LearningRateSchedule):
    """Half cosines from `peak` to `end`, one after the other.

    Args:
        first_steps: of the first cycle.
        cycle_mult: how much longer each is than the one before; at least 1.
        peak_mult: how much higher each begins; mostly below 1.

    Example:
        CosineRestarts(0.05, first_steps=1000, cycle_mult=2.0)
    """

    def __init__(
        self,
        peak: float,
        first_steps: int,
        cycle_mult: float = 1.0,
        peak_mult: float = 1.0,
        end: float = 0.0,
    ) -> None:
        check_least(1, first_steps=first_steps, cycle_mult=cycle_mult)
        check_least(0, peak_mult=peak_mult)
        self.peak = peak
        self.first_steps = first_steps
        self.cycle_mult = cycle_mult
        self.peak_mult = peak_mult
        self.end = end

    def __call__(self, step: Any) -> Any:
        cycle, within, steps = self.place(whole(step))
        done = ops.cast(within, "float32") / ops.cast(steps, "float32")
        raised = ops.power(self.peak_mult, ops.cast(cycle, "float32"))
        return self.end + (self.peak * raised - self.end) * half_cosine(done)

    def place(self, step: Any) -> tuple[Any, Any, Any]:
        """(number of the cycle, step within it, its length)."""
        if self.cycle_mult == 1:
            cycle = ops.floor_divide(step, self.first_steps)
            return cycle, step - cycle * self.first_steps, self.first_steps
        steps = self.lengths()
        starts = [sum(steps[:i]) for i in range(len(steps))]
        begun = ops.expand_dims(step, -1) >= ops.array(starts, "int32")
        cycle = ops.sum(ops.cast(begun, "int32"), axis=-1) - 1
        start = ops.take(ops.array(starts, "int32"), cycle)
        return cycle, step - start, ops.take(ops.array(steps, "int32"), cycle)

    def lengths(self) -> list[int]:
        """Of as many cycles as any run can have."""
        found: list[int] = []
        total = 0
        while total < LAST:
            found.append(
                round(self.first_steps * self.cycle_mult ** len(found))
            )
            total += found[-1]
        return found

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "first_steps": self.first_steps,
            "cycle_mult": self.cycle_mult,
            "peak_mult": self.peak_mult,
            "end": self.end,
        }
