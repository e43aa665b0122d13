"""A run is a list of phases; each is one `fit` over a range of steps.

Resuming, mixing off for the last epochs, other image sizes and other trainable
layers are all the same mechanism: the phases that are done are left out, and
the one that was cut short begins at its next step.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from kerastricks.augment import Augment
from kerastricks.training.learner import Learner
from kerastricks.training.run_state import RunState


@dataclasses.dataclass(frozen=True)
class Phase:
    """Epochs that have everything in common.

    Args:
        first_epoch, first_step: how many the phases before it have.
        views: rows of a batch for each of its images.
    """

    name: str
    first_epoch: int
    epochs: int
    first_step: int
    steps_per_epoch: int
    image_size: int
    batch_size: int
    augment: Augment
    views: int = 1

    @property
    def last_step(self) -> int:
        """The step after its last one."""
        return self.first_step + self.epochs * self.steps_per_epoch


@dataclasses.dataclass(frozen=True)
class Fit:
    """The arguments of one call of `fit`."""

    start_step: int  # steps of the phase that are already done
    initial_epoch: int
    epochs: int
    steps_per_epoch: int


def fits(phase: Phase, step: int) -> Iterator[Fit]:
    """The calls that finish a phase from a step on.

    At most two: what is left of an epoch cut short, then the whole epochs.
    """
    start = max(step - phase.first_step, 0)
    epoch, within = divmod(start, phase.steps_per_epoch)
    first = phase.first_epoch + epoch
    last = phase.first_epoch + phase.epochs
    if within:
        yield Fit(start, first, first + 1, phase.steps_per_epoch - within)
        start += phase.steps_per_epoch - within
        first += 1
    if first < last:
        yield Fit(start, first, last, phase.steps_per_epoch)


def run_phases(
    learner: Learner,
    phases: Sequence[Phase],
    open_batches: Callable[[Phase, int], Any],
    validation: Any,
    state: RunState,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains from `state.step` to the end of the last phase.

    Args:
        open_batches: (phase, start_step) -> its batches from that step on.
    """
    for phase in phases:
        if state.step >= phase.last_step:
            continue
        learner.set_augment(phase.augment)
        for fit in fits(phase, state.step):
            learner.fit(
                open_batches(phase, fit.start_step),
                initial_epoch=fit.initial_epoch,
                epochs=fit.epochs,
                steps_per_epoch=fit.steps_per_epoch,
                validation_data=validation,
                callbacks=list(callbacks),
                shuffle=False,
                verbose=0,
            )
