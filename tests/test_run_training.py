"""A run that loses its numbers goes back, or stops and says so."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerastricks
from kerastricks import build
from kerastricks.errors import RunError
from kerastricks.run_training import go_back
from kerastricks.training import RunState
from kerastricks.training.checkpoint import Checkpoints
from kerastricks.training.guard import Diverged

STEPS = 6  # in an epoch of 48 images, batches of 8


@pytest.fixture
def short(small_recipe):
    return small_recipe.replace(
        backend=keras.backend.backend(),
        image_size=16,
        epochs=3,
        mixup=0.0,
        mix_off_epochs=0,
        export=False,
        clean_images=0,
        nan_steps=2,
        on_nan="rollback",
    )


@pytest.fixture
def broken_batches(monkeypatch):
    """Makes batches from the 8th on NaN, until the run has gone back so often.

    What was opened is kept: (start step, rollbacks).
    """
    real, opened = build.train_batches, []

    def breaking(until):
        def train_batches(recipe, source, phase, start, rollbacks, said):
            opened.append((start, rollbacks))
            batches = real(recipe, source, phase, start, rollbacks, said)

            def spoil(place, batch):
                inputs, labels = batch
                images = tf.cast(inputs["image"], tf.float32)
                bad = place + start >= 8 if rollbacks < until else False
                images = tf.where(
                    bad, tf.fill(tf.shape(images), np.nan), images
                )
                return inputs | {"image": images}, labels

            return batches.enumerate().map(spoil)

        monkeypatch.setattr(build, "train_batches", train_batches)
        return opened

    return breaking


@pytest.mark.traced
def test_it_goes_back_and_on_with_other_batches(
    short, broken_batches, tmp_path, capsys
):
    opened = broken_batches(until=1)
    result = kerastricks.run(short.replace(run_dir=str(tmp_path / "run")))
    assert opened == [(0, 0), (STEPS, 1)]
    said = capsys.readouterr().out
    assert "became NaN or infinite at step 9" in said
    assert "going back to step 6, and on with other batches (1 of 3)" in said
    assert result.steps == 3 * STEPS
    with open(tmp_path / "run" / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["6", "12", "18"]
    last = max((tmp_path / "run" / "checkpoints").glob("step-*"))
    state = json.loads((last / "state.json").read_text())["state"]
    assert state["rollbacks"] == 1


@pytest.mark.slow
def test_the_batches_after_it_are_others(short):
    splits = build.data(short)
    phase = build.phases(short, splits)[0]
    keys = [
        next(iter(build.train_batches(short, splits.train, phase, 6, times)))[
            0
        ]["key"].numpy()
        for times in (0, 0, 1)
    ]
    np.testing.assert_array_equal(keys[0], keys[1])
    assert (keys[0] != keys[2]).any()


def test_the_second_time_it_goes_back_further(short, tmp_path):
    """Weights that still are numbers may be ruined already."""
    checkpoints = Checkpoints(tmp_path, keep=3)
    for step in (2, 4, 6):
        checkpoints.save(step, {"w": np.zeros(1)}, RunState(step).to_json())
    state = RunState(step=8)
    error = Diverged("it burst", "here")
    steps = []
    for _ in range(3):
        go_back(error, short, state, checkpoints)
        steps.append(state.step)
    assert steps == [6, 4, 2] and state.rollbacks == 3


def test_a_rollback_outlives_a_kill_and_keeps_what_was_best(short, tmp_path):
    """The best weights are in their file, whichever branch they are of."""
    checkpoints = Checkpoints(tmp_path, keep=3)
    early = RunState(step=4, best_top1=0.5, best_epoch=1)
    checkpoints.save(4, {"w": np.ones(1)}, early.to_json())
    state = RunState(step=8, best_top1=0.6, best_epoch=2, history=[{}, {}])
    go_back(Diverged("it burst", "here"), short, state, checkpoints)
    for now in (state, RunState(**checkpoints.latest().state)):
        assert (now.step, now.rollbacks, now.history) == (4, 1, [])
        assert (now.best_top1, now.best_epoch) == (0.6, 2)
    np.testing.assert_array_equal(checkpoints.latest().variables["w"], 1)


def test_after_three_times_it_stops(short, broken_batches, tmp_path):
    opened = broken_batches(until=9)
    with pytest.raises(RunError, match="at step 9.*has gone back 3 times"):
        kerastricks.run(short.replace(run_dir=str(tmp_path / "run")))
    assert [times for _, times in opened] == [0, 1, 2, 3]
    assert not (tmp_path / "run" / "result.json").exists()


def test_without_a_checkpoint_there_is_nowhere_to_go(short, tmp_path):
    wild = short.replace(
        run_dir=str(tmp_path / "run"), learning_rate=1e30, warmup_epochs=0.0
    )
    with pytest.raises(RunError, match="there is no checkpoint to go back to"):
        kerastricks.run(wild)


def test_unless_told_otherwise_it_stops(short, broken_batches, tmp_path):
    opened = broken_batches(until=1)
    with pytest.raises(
        RunError, match="or --on_nan=rollback. Received: step=9"
    ):
        kerastricks.run(
            short.replace(run_dir=str(tmp_path / "run"), on_nan="stop")
        )
    assert opened == [(0, 0)]
