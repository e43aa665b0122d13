"""Averages of the weights along the way: exponential, or of the last epochs.

    Ema:         a <- a + (1 - d_t) (w - a)    after each optimizer step t,
                 d_t = min(decay, t / (9 + t)),  t = 0, 1, ...
    EpochMeans:  a <- a + (w - a) / (n + 1)    after the n-th of the last epochs

Papers: Polyak & Juditsky 1992; Izmailov et al., arXiv 1803.05407 (SWA). Acts
on: a second set of weights, evaluated beside the raw ones; training itself does
not see it. Cost: one more pass over the weights, and their memory. Hurts: a
decay whose memory, 1 / (1 - decay) steps, is longer than the run averages
weights that were still bad; the warm-up, TensorFlow's law, softens that (a is w
after the first step).
Means and variances of batch norm are averaged like weights, which Keras's
`use_ema` leaves out; nor does it count micro-batches as steps or overwrite the
weights when `fit` ends.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

WARMUP = 9  # (1 + n) / (10 + n) of TensorFlow, n = t - 1


@dataclasses.dataclass(frozen=True)
class Ema:
    """An exponential moving average.

    Args:
        decay: share that stays in a step; timm 0.9998, short runs less.
        warmup: lower decays in the first steps.

    Example:
        Learner(model, augment, average=Ema(0.999))
    """

    decay: float
    warmup: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise ValueError(
                f"decay must be in (0, 1). Received: decay={self.decay}"
            )

    def share(self, step: Any) -> Any:
        """Of the new weights in the average after a step (from 0)."""
        if not self.warmup:
            return 1 - self.decay
        step = ops.cast(step, "float32")
        return ops.maximum(1 - self.decay, WARMUP / (step + WARMUP))


@dataclasses.dataclass(frozen=True)
class EpochMeans:
    """The plain mean of the weights after each of the last epochs.

    Example:
        learner = Learner(model, augment, average=EpochMeans())
        learner.average_in(1 / (n + 1))  # after the n-th of them, n from 0
    """


class KeepsAverage:
    """A learner's side of it: the variables, and how they change places."""

    model: keras.Model
    averages: list[Any]
    add_weight: Any  # Keras's

    def copies(self) -> list[Any]:
        """A variable for each that `averaged_variables` names, equal to it."""
        made = [
            self.add_weight(
                name=f"average_{place}",
                shape=variable.shape,
                dtype=variable.dtype,
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
            )
            for place, variable in enumerate(self.averaged_variables)
        ]
        for copy, variable in zip(made, self.averaged_variables, strict=True):
            copy.assign(ops.copy(variable.value))
        return made

    @property
    def averaged_variables(self) -> list[Any]:
        """The model's weights and statistics; no counters, no seeds."""
        return [
            variable
            for variable in self.model.variables
            if "float" in variable.dtype
        ]

    def average_in(self, share: Any) -> None:
        """Moves the average by a share of the way to the weights."""
        pairs = zip(self.averages, self.averaged_variables, strict=True)
        for average, variable in pairs:
            old, new = average.value, variable.value
            between = old + share * (new - old)
            average.assign(ops.where(share >= 1, new, between))

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Evaluates and saves with the average; then all is as it was.

        Copies go over, no differences, so that not a bit changes; and none
        shares its memory with another, for JAX's steps give theirs away.
        """
        variables = self.averaged_variables
        raw = [ops.copy(variable.value) for variable in variables]
        for variable, average in zip(variables, self.averages, strict=True):
            variable.assign(ops.copy(average.value))
        try:
            yield
        finally:
            for variable, value in zip(variables, raw, strict=True):
                variable.assign(value)
