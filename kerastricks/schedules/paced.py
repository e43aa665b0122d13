"""A schedule that runs by the epoch, where epochs differ in their steps.

    lr(t) = factor * s(epoch * base + floor(within * base / steps))

t is step `within` of `epoch`, which has `steps` steps, while s was made for
`base` steps an epoch; all of whole numbers, so that equal batches give s
itself. Source: progressive resizing with batches that fit the image size (arXiv
2104.00298; fast.ai's DAWNBench entries), where the rate follows the batch
(arXiv 1706.02677). Acts on: any schedule. Cost: none. Hurts: nothing known.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_least
from kerastricks.schedules.decay import whole


@keras.saving.register_keras_serializable("kerastricks")
class Paced(keras.optimizers.schedules.LearningRateSchedule):
    """The schedule along stretches of epochs with their own batch size.

    Args:
        base: steps an epoch that `schedule` was made for.
        stretches: (first step, first epoch, steps an epoch, factor of the rate)
            of each, the first of them from 0 on.

    Example:
        # 4 epochs of 25 steps with twice the batch, then 50 an epoch
        Paced(Cosine(0.1, 500), 50, [(0, 0, 25, 2.0), (100, 4, 50, 1.0)])
    """

    def __init__(
        self,
        schedule: Any,
        base: int,
        stretches: Sequence[tuple[int, int, int, float]],
    ) -> None:
        check_least(1, base=base)
        starts = [stretch[0] for stretch in stretches]
        if starts[:1] != [0] or starts != sorted(set(starts)):
            raise ValueError(
                "stretches must begin at step 0, each later than the one "
                f"before. Received: first steps {starts}"
            )
        self.schedule = schedule
        self.base = base
        self.stretches = [tuple(stretch) for stretch in stretches]

    def __call__(self, step: Any) -> Any:
        step = whole(step)
        place, factor = ops.zeros_like(step), 1.0
        for first, epoch, steps, of_rate in self.stretches:
            epochs = ops.floor_divide(step - first, steps)
            within = step - first - epochs * steps
            # Epoch by epoch: all at once 2^31 would not hold the product.
            here = (epoch + epochs) * self.base + ops.floor_divide(
                within * self.base, steps
            )
            place = ops.where(step >= first, here, place)
            factor = ops.where(step >= first, of_rate, factor)
        return self.schedule(place) * ops.cast(factor, "float32")

    def get_config(self) -> dict[str, Any]:
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "base": self.base,
            "stretches": [list(stretch) for stretch in self.stretches],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Paced":
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**(config | {"schedule": schedule}))
