"""One cycle of the learning rate, and of the momentum against it.

    up:    peak / div -> peak        in the first pct_start of the steps
    down:  peak -> peak / div_final  in the rest, each along half a cosine
    momentum: high -> low -> high    at the same times

Papers: Smith & Topin, arXiv 1708.07120; Smith, arXiv 1803.09820. The law is
fastai's fit_one_cycle: position t / steps, so the last step is just above the
final rate. torch's OneCycleLR gives the same for max_lr=peak, total_steps=steps
+ 1, pct_start=(pct_start * steps + 1) / (steps + 1), div_factor=div,
final_div_factor=div_final / div. Acts on: the whole run; it is its own warm-up.
Cost: none. Hurts: a run that is stopped early or goes on afterwards. Keras has
none.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_inside, check_least
from kerastricks.schedules.cosine import half_cosine
from kerastricks.schedules.decay import share_done


def there_and_back(
    done: Any, pct_start: float, start: float, middle: float, end: float
) -> Any:
    """start -> middle at pct_start -> end, each along half a cosine."""
    first = half_cosine(ops.minimum(done / pct_start, 1.0))
    second = half_cosine((done - pct_start) / (1 - pct_start))
    return ops.where(
        done < pct_start,
        middle + (start - middle) * first,
        end + (middle - end) * second,
    )


@keras.saving.register_keras_serializable("kerastricks")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate's cycle.

    Args:
        pct_start: share of the steps in which it rises.
        div, div_final: how far below the peak it begins and ends.

    Example:
        OneCycle(0.8, steps=1000)(250)  # 0.8
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        pct_start: float = 0.25,
        div: float = 25.0,
        div_final: float = 1e5,
    ) -> None:
        check_least(1, steps=steps, div=div, div_final=div_final)
        check_inside(pct_start=pct_start)
        self.peak = peak
        self.steps = steps
        self.pct_start = pct_start
        self.div = div
        self.div_final = div_final

    def __call__(self, step: Any) -> Any:
        return there_and_back(
            share_done(step, self.steps),
            self.pct_start,
            self.peak / self.div,
            self.peak,
            self.peak / self.div_final,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "steps": self.steps,
            "pct_start": self.pct_start,
            "div": self.div,
            "div_final": self.div_final,
        }


@keras.saving.register_keras_serializable("kerastricks")
class OneCycleMomentum(keras.optimizers.schedules.LearningRateSchedule):
    """The momentum's, low where the rate is high; for SGD(momentum=...).

    Example:
        SGD(OneCycle(0.8, 1000), momentum=OneCycleMomentum(1000))
    """

    def __init__(
        self,
        steps: int,
        pct_start: float = 0.25,
        high: float = 0.95,
        low: float = 0.85,
    ) -> None:
        check_least(1, steps=steps)
        check_inside(pct_start=pct_start)
        if not 0 <= low <= high < 1:
            raise ValueError(
                "momentum must be 0 <= low <= high < 1. Received: "
                f"low={low}, high={high}"
            )
        self.steps = steps
        self.pct_start = pct_start
        self.high = high
        self.low = low

    def __call__(self, step: Any) -> Any:
        done = share_done(step, self.steps)
        return there_and_back(
            done, self.pct_start, self.high, self.low, self.high
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "pct_start": self.pct_start,
            "high": self.high,
            "low": self.low,
        }
