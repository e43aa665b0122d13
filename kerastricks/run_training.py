"""The training of a run: all phases, from the newest checkpoint on."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kerastricks import build, teaching
from kerastricks.config import Recipe
from kerastricks.data.bad_images import naming_bad
from kerastricks.errors import RunError
from kerastricks.run_dir import RunDir
from kerastricks.training import Learner, Phase, RunState, run_phases
from kerastricks.training.checkpoint import Checkpoint, Checkpoints
from kerastricks.training.guard import Diverged, GuardLoss, WatchSignals
from kerastricks.training.history import (
    KeepHistory,
    MeasureClean,
    WriteEvents,
    WriteMetrics,
)
from kerastricks.training.progress import ShowProgress
from kerastricks.training.recalibrate import Recalibration
from kerastricks.training.run_state import CountSteps, Interrupted
from kerastricks.training.saving import (
    MeasureAverage,
    RestoreOnce,
    SaveBest,
    SaveCheckpoints,
)

ROLLBACKS = 3  # more are no accident


def train(
    recipe: Recipe,
    folder: RunDir,
    splits: build.Splits,
    learner: Learner,
    checkpoints: Checkpoints,
    found: Checkpoint | None,
) -> RunState:
    """All phases, from the newest checkpoint, if one is found, on."""
    knobs = recipe.run
    state = RunState(**found.state) if found else RunState()
    phases = build.phases(recipe, splits)
    steps = phases[-1].last_step
    if state.step >= steps:
        return state
    if found:
        print(f"resuming at step {state.step:,} of {steps:,}", flush=True)
    said = teaching.answers(recipe, folder, splits, learner)
    validation = build.eval_batches(recipe, splits.val, splits.image_size)
    restore = RestoreOnce(state, found.variables if found else {})
    best = SaveBest(state, folder.best_weights)

    def open_batches(phase: Phase, start: int) -> Any:
        return build.train_batches(
            recipe, splits.train, phase, start, state.rollbacks, said
        )

    def last_batches() -> Any:
        return open_batches(phases[-1], 0).as_numpy_iterator()

    with WatchSignals(state) as signals:
        callbacks = [
            CountSteps(state),
            restore,
            GuardLoss(state),
            *measure_clean(recipe, splits, state),
            best,
            *measure_average(recipe, learner, best, validation, last_batches),
            KeepHistory(state, phases),
            WriteMetrics(state, folder.metrics_file),
            WriteEvents(state, folder.events),
            ShowProgress(state, recipe.schedule.epochs, steps),
            SaveCheckpoints(
                state,
                checkpoints,
                signals,
                knobs.checkpoint_steps,
                knobs.checkpoint_minutes,
            ),
        ]
        bad = naming_bad(
            splits.train, splits.val, max_pixels=recipe.data.max_pixels
        )
        with telling_how_to_go_on(state, steps), bad:
            while state.step < steps:
                try:
                    run_phases(
                        learner,
                        phases,
                        open_batches,
                        validation,
                        state,
                        callbacks,
                    )
                except Diverged as error:
                    restore.values = go_back(error, recipe, state, checkpoints)
            signals.check()
    return state


@contextlib.contextmanager
def telling_how_to_go_on(state: RunState, steps: int) -> Iterator[None]:
    """Of a run that its user has stopped."""
    try:
        yield
    except Interrupted:
        raise KeyboardInterrupt(
            f"stopped at step {state.step:,} of {steps:,}; the same "
            "command goes on from there"
        ) from None


def go_back(
    error: Diverged, recipe: Recipe, state: RunState, checkpoints: Checkpoints
) -> dict[str, Any]:
    """The variables of the last checkpoint, if the run is to go on from it."""
    if recipe.run.on_nan == "stop":
        raise error
    found = checkpoints.latest()
    if found and found.step == state.went_back_to:
        # Its weights may be ruined already, though they are still numbers.
        found = checkpoints.latest(before=found.step) or found
    if found is None or state.rollbacks == ROLLBACKS:
        why = (
            "there is no checkpoint to go back to"
            if found is None
            else f"the run has gone back {ROLLBACKS} times"
        )
        raise RunError(
            f"{error.what}; {why}. Try a lower learning_rate or a longer "
            f"warm-up in a new run_dir. Received: on_nan={recipe.run.on_nan}"
        )
    checkpoints.forget_after(found.step)
    state.go_back(found.state)
    # Should the run be killed now, it goes on with other batches all the same.
    checkpoints.save(found.step, found.variables, state.to_json())
    print(
        f"\n{error.what}\ngoing back to step {state.step}, and on with other "
        f"batches ({state.rollbacks} of {ROLLBACKS})",
        flush=True,
    )
    return found.variables


def measure_average(
    recipe: Recipe,
    learner: Learner,
    best: SaveBest,
    validation: Any,
    batches: Callable[[], Iterable[Any]],
) -> list[MeasureAverage]:
    """The callback for the average of the weights, if there is one.

    Args:
        batches: of training, each time the same.
    """
    if learner.average is None:
        return []
    knobs = recipe.optimizer
    first = recipe.schedule.epochs - knobs.swa_epochs
    recalibrate = Recalibration(learner.model)

    def anew() -> None:
        """Batch norm's statistics, by the weights that are in the model."""
        images = (
            learner.prepare(batch, training=True)[0] for batch in batches()
        )
        recalibrate(images, knobs.recalibrate_bn)

    return [
        MeasureAverage(
            best.state,
            validation,
            best,
            first,
            anew if knobs.recalibrate_bn else None,
        )
    ]


def measure_clean(
    recipe: Recipe, splits: build.Splits, state: RunState
) -> list[MeasureClean]:
    """The callback for the accuracy on clean training images, if wanted."""
    clean = build.clean_slice(recipe, splits.train)
    if clean is None:
        return []
    batches = build.eval_batches(recipe, clean, splits.image_size)
    return [MeasureClean(state, batches)]
