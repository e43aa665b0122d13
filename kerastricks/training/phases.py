"""A run is a list of phases; each is one `fit` over a range of steps.

Resuming, mixing off for the last epochs, other image sizes and batches, layers
that are frozen at first: all are the same mechanism. The phases that are done
are left out, and the one that was cut short begins at its next step. Weights,
optimizer, averages and schedule go on from phase to phase.
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
        trained: layer groups that learn, counted from the head; 0: all.
        strength: factor of what happens to images on the host; `augment` has
            its own already.
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
    trained: int = 0
    strength: float = 1.0

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


def phase_at(phases: Sequence[Phase], step: int) -> Phase:
    """The phase of a step; of the step after the last one, the last."""
    return next((p for p in phases if step < p.last_step), phases[-1])


def epoch_at(phases: Sequence[Phase], step: int) -> float:
    """How many epochs are over before a step."""
    phase = phase_at(phases, step)
    within = (step - phase.first_step) / phase.steps_per_epoch
    return phase.first_epoch + within


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
    freezes = any(phase.trained for phase in phases)
    for phase in phases:
        if state.step >= phase.last_step:
            continue
        if freezes:
            learner.train_last(phase.trained)
        learner.set_augment(phase.augment)
        if len(phases) > 1:
            print(f"phase      {phase.name}", flush=True)
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
