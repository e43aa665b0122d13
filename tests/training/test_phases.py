import dataclasses
import re
import shutil
import types

import keras
import numpy as np
import pytest

from kerastricks.augment import Augment, MixUp, Normalize, RandomFlip
from kerastricks.data import eval_pipeline, open_splits, train_pipeline
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.schedules import WarmupCosine
from kerastricks.training import Learner, Phase, RunState, run_phases
from kerastricks.training.checkpoint import (
    Checkpoints,
    read_checkpoint,
    read_variables,
)
from kerastricks.training.guard import WatchSignals
from kerastricks.training.history import KeepHistory
from kerastricks.training.phases import Fit, epoch_at, fits, phase_at
from kerastricks.training.run_state import CountSteps
from kerastricks.training.saving import RestoreOnce, SaveCheckpoints

PURE = Augment([RandomFlip(0.5), Normalize()])
MIXED = Augment([*PURE.tricks, MixUp(1.0)])


def phase(first_epoch=0, epochs=1, steps=4, first_step=None, augment=PURE):
    return Phase(
        name="a phase",
        first_epoch=first_epoch,
        epochs=epochs,
        first_step=first_epoch * steps if first_step is None else first_step,
        steps_per_epoch=steps,
        image_size=8,
        batch_size=4,
        augment=augment,
    )


# Arithmetic


def steps_of(phase, fit):
    """(step, epoch) of all that Keras's fit does when called so."""
    step = phase.first_step + fit.start_step
    for epoch in range(fit.initial_epoch, fit.epochs):
        for _ in range(fit.steps_per_epoch):
            yield step, epoch
            step += 1


@pytest.mark.parametrize("first_epoch, epochs", [(0, 1), (0, 3), (2, 3)])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_from_every_step_on_exactly_the_rest_is_done(
    first_epoch, epochs, steps
):
    whole = phase(first_epoch, epochs, steps)
    assert whole.last_step == (first_epoch + epochs) * steps
    for start in range(whole.last_step + 1):
        calls = list(fits(whole, start))
        done = [pair for fit in calls for pair in steps_of(whole, fit)]
        rest = range(max(start, whole.first_step), whole.last_step)
        assert done == [(step, step // steps) for step in rest]
        assert len(calls) <= 2


def test_resuming_in_mid_epoch_by_hand():
    # Epochs 2, 3 and 4 of four steps each; steps 8 and 9 are done.
    assert list(fits(phase(2, 3), 10)) == [
        Fit(start_step=2, initial_epoch=2, epochs=3, steps_per_epoch=2),
        Fit(start_step=4, initial_epoch=3, epochs=5, steps_per_epoch=4),
    ]


def test_phases_need_not_have_epochs_of_one_length():
    later = phase(first_epoch=3, epochs=2, steps=5, first_step=6)
    assert list(fits(later, 0)) == [Fit(0, 3, 5, 5)]
    assert list(fits(later, 11)) == [Fit(5, 4, 5, 5)]
    assert list(fits(later, 13)) == [Fit(7, 4, 5, 3)]
    assert list(fits(later, later.last_step)) == []


def test_the_phase_and_the_epoch_of_a_step():
    # 2 epochs of 4 steps, then 3 of 10
    phases = [phase(0, 2, 4), phase(2, 3, 10, first_step=8)]
    for step, place, epoch in (
        (0, 0, 0),
        (6, 0, 1.5),
        (8, 1, 2),
        (13, 1, 2.5),
        (38, 1, 5),
    ):
        assert phase_at(phases, step) is phases[place]
        assert epoch_at(phases, step) == epoch


class FakeLearner:
    """Notes what it is told and counts steps."""

    def __init__(self, state):
        self.state = state
        self.calls = []

    def set_augment(self, augment):
        self.calls.append(augment)

    def fit(self, batches, *, initial_epoch, epochs, steps_per_epoch, **rest):
        self.calls.append((batches, initial_epoch, epochs, steps_per_epoch))
        assert rest == {
            "validation_data": "validation",
            "callbacks": ["callback"],
            "shuffle": False,
            "verbose": 0,
        }
        self.state.step += (epochs - initial_epoch) * steps_per_epoch


@pytest.mark.parametrize(
    "start, expected",
    [
        (0, [MIXED, (("batches", 0, 0), 0, 2, 4), PURE]),
        (
            3,
            [
                MIXED,
                (("batches", 0, 3), 0, 1, 1),
                (("batches", 0, 4), 1, 2, 4),
                PURE,
            ],
        ),
        (8, [PURE]),
        (12, None),
    ],
)
def test_run_phases_leaves_out_what_is_done(start, expected):
    phases = [phase(0, 2, augment=MIXED), phase(2, 1)]
    state = RunState(step=start)
    learner = FakeLearner(state)
    run_phases(
        learner,
        phases,
        lambda phase, step: ("batches", phase.first_epoch, step),
        "validation",
        state,
        ("callback",),
    )
    last = [(("batches", 2, 0), 2, 3, 4)]
    assert learner.calls == ([] if expected is None else expected + last)
    assert state.step == 12


# Resuming

STEPS = 6  # an epoch: 26 images in batches of four, two left out
TIMINGS = ("images_per_second", "seconds")
# Without and with mixing, the head alone and then everything.
PHASES = [
    dataclasses.replace(phase(0, 1, STEPS, augment=MIXED), trained=1),
    phase(1, 1, STEPS),
]


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    random = np.random.RandomState(0)
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(
        path,
        x_train=random.randint(0, 256, (26, 10, 9, 3), np.uint8),
        y_train=np.arange(26) % 3,
        x_val=random.randint(0, 256, (5, 10, 9, 3), np.uint8),
        y_val=np.arange(5) % 3,
    )
    return open_splits(f"arrays:{path}")


def make_learner(seed):
    """A small network with all kinds of state: batch norm, dropout."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, strides=2, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.2),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    learner = Learner(model, MIXED)
    schedule = WarmupCosine(0.05, total_steps=2 * STEPS, warmup_steps=3)
    learner.compile(
        SGD(schedule, 0.9, True, weight_decay=1e-3),
        SoftCrossEntropy(label_smoothing=0.1),
    )
    learner.optimizer.build(learner.trainable_variables)
    return learner


def run(splits, folder, seed):
    """Trains or goes on, saving at every step; (learner, state)."""
    learner = make_learner(seed)
    checkpoints = Checkpoints(folder, keep=100)
    found = checkpoints.latest()
    state = RunState(**found.state) if found else RunState()
    callbacks = [
        CountSteps(state),
        RestoreOnce(state, found.variables if found else {}),
        KeepHistory(state, PHASES),
        SaveCheckpoints(state, checkpoints, WatchSignals(state), steps=1),
    ]
    run_phases(
        learner,
        PHASES,
        lambda phase, start: train_pipeline(
            splits["train"],
            image_size=phase.image_size,
            batch_size=phase.batch_size,
            seed=3,
            epochs=phase.epochs,
            first_epoch=phase.first_epoch,
            start_step=start,
        ),
        eval_pipeline(splits["val"], image_size=8, batch_size=4),
        state,
        callbacks,
    )
    return learner, state


@pytest.fixture(scope="module")
def straight(splits, tmp_path_factory):
    """(folder, history) of a run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("straight")
    _, state = run(splits, folder, seed=0)
    return folder, without_timings(state.history)


def without_timings(history):
    return [
        {name: value for name, value in row.items() if name not in TIMINGS}
        for row in history
    ]


@pytest.mark.traced
@pytest.mark.parametrize("step", [2, STEPS, STEPS + 4])
def test_a_resumed_run_ends_bit_for_bit_the_same(
    splits, straight, tmp_path, step
):
    folder, history = straight
    name = f"step-{step:08d}"
    shutil.copytree(folder / name, tmp_path / name)
    # Other initial weights, other dropout: all must come from the checkpoint.
    learner, state = run(splits, tmp_path, seed=99)
    assert without_timings(state.history) == history
    found = read_variables(learner)
    expected = Checkpoints(folder).latest()
    assert expected.step == state.step == 2 * STEPS
    assert list(found) == list(expected.variables)
    for name, value in expected.variables.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.traced
def test_within_an_epoch_every_group_of_variables_moves(straight):
    folder, history = straight
    assert [(row["epoch"], row["step"]) for row in history] == [(1, 6), (2, 12)]
    assert len({row["loss"] for row in history}) == 2
    last = WarmupCosine(0.05, total_steps=2 * STEPS, warmup_steps=3)(11)
    assert history[-1]["learning_rate"] == pytest.approx(float(last))
    one, other = (
        read_checkpoint(folder / f"step-{step:08d}").variables
        for step in (STEPS + 3, STEPS + 4)
    )
    changed = {
        name.split("/")[0]
        for name, value in one.items()
        if not np.array_equal(value, other[name])
    }
    assert changed == {"weight", "state", "optimizer", "metric"}


def test_another_seed_gives_other_weights_and_dropout():
    one, other = (read_variables(make_learner(seed)) for seed in (0, 99))
    seeded = [name for name in one if re.search("kernel$|seed_gen", name)]
    assert len(seeded) == 3
    for name in seeded:
        assert not np.array_equal(one[name], other[name]), name


def test_steps_are_counted_without_batch_end_hooks():
    state = RunState(step=7)
    callback = CountSteps(state)
    callback.set_params({"steps": 3})
    callback.on_epoch_begin(0)
    seen = []
    for batch in range(3):
        callback.on_train_batch_begin(batch)
        seen.append(state.step)
    callback.on_epoch_end(0)
    assert seen == [7, 8, 9] and state.step == 10
    assert RunState(**state.to_json()) == state


def test_restoring_happens_once(monkeypatch):
    written = []
    monkeypatch.setattr(
        "kerastricks.training.saving.write_variables",
        lambda learner, values: written.append((learner, values)),
    )
    callback = RestoreOnce(RunState(), {"name": 1})
    model = types.SimpleNamespace()
    callback.set_model(model)
    callback.on_epoch_begin(4)
    callback.on_epoch_begin(5)
    assert written == [(model, {"name": 1})]
