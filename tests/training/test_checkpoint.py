import errno
import json
import os
import signal
import types

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.errors import RunError
from kerastricks.optimizers import SGD
from kerastricks.training import Learner, RunState
from kerastricks.training import checkpoint as module
from kerastricks.training.checkpoint import (
    Checkpoints,
    read_variables,
    write_variables,
)
from kerastricks.training.guard import WatchSignals
from kerastricks.training.run_state import Interrupted
from kerastricks.training.saving import SaveBest, SaveCheckpoints

STATE = {"step": 3, "history": [{"loss": 0.1}], "best_top1": 1 / 3}


def values(seed=0):
    random = np.random.RandomState(seed)
    return {
        "weight/0000/a/kernel": random.normal(size=(3, 4)).astype(np.float32),
        "state/0000/count": np.int32(seed),
        "optimizer/0000/rate": np.float32(1e-30 + seed),
    }


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, name
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.fixture
def saved(tmp_path):
    """Steps 3 and 7, whole."""
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for step in (3, 7):
        checkpoints.save(step, values(step), STATE | {"step": step})
    return checkpoints


def small_learner(seed=0, units=3):
    """Two layers, trained state in every group of variables."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units, name="head"),
        ],
        name="net",
    )
    learner = Learner(model, name="learner")
    learner.compile(SGD(0.1, momentum=0.9))
    learner.optimizer.build(learner.trainable_variables)
    return learner


# Files


def test_nothing_saved_yet(tmp_path):
    checkpoints = Checkpoints(tmp_path / "none")
    assert checkpoints.latest() is None and checkpoints.all() == []
    assert not (tmp_path / "none").exists()


def test_a_round_trip_is_exact(saved):
    found = saved.latest()
    assert found.step == 7 and found.state == STATE | {"step": 7}
    same(found.variables, values(7))


def test_only_the_newest_stay(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 10, 9999999):
        checkpoints.save(step, values(), STATE)
    assert names(tmp_path) == ["step-00000010", "step-09999999"]


@pytest.mark.parametrize("file", ["variables.npz", "state.json"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "gone", "flipped"])
def test_a_damaged_one_is_passed_over(saved, file, damage, capsys):
    path = saved.all()[-1] / file
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "flipped" and file == "state.json":
        path.write_bytes(data.replace(b'"sha256": "', b'"sha256": "0'))
    else:
        middle = len(data) // 2
        flipped = bytes([data[middle] ^ 1])
        path.write_bytes(
            {
                "truncated": data[:-10],
                "empty": b"",
                "flipped": data[:middle] + flipped + data[middle + 1 :],
            }[damage]
        )
    found = saved.latest()
    assert found.step == 3
    same(found.variables, values(3))
    message = "passing over a damaged checkpoint: "
    assert f"{message}{path.parent}" in capsys.readouterr().out


def test_all_damaged_is_as_none(saved):
    for folder in saved.all():
        (folder / "state.json").write_text("{")
    assert saved.latest() is None


@pytest.mark.parametrize("keep", [1, 2])
def test_a_damaged_later_one_does_not_crowd_out_a_new_one(tmp_path, keep):
    checkpoints = Checkpoints(tmp_path, keep)
    for step in (3, 7):
        checkpoints.save(step, values(step), STATE)
    (tmp_path / "step-00000007" / "variables.npz").write_bytes(b"")
    checkpoints.save(5, values(5), STATE)  # the run went on from before it
    assert checkpoints.latest().step == 5
    assert names(tmp_path) == ["step-00000003", "step-00000005"][-keep:]


def test_the_same_step_again_replaces_it(saved):
    saved.save(7, values(70), STATE)
    same(saved.latest().variables, values(70))
    assert names(saved.folder) == ["step-00000003", "step-00000007"]


def fail_in(monkeypatch, where, code):
    def refuse(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(*where, refuse)


@pytest.mark.parametrize(
    "where",
    [(np, "savez"), (json, "dump"), (os, "fsync"), (module, "sync")],
    ids=lambda where: where[1],
)
def test_a_failing_write_keeps_the_one_before(saved, where, monkeypatch):
    fail_in(monkeypatch, where, errno.ENOSPC)
    message = (
        r"checkpoint of step 9 could not be written \(No space left on device"
        r"\); the one before it is untouched.*Received: .*checkpoints"
    )
    with pytest.raises(RunError, match=message):
        saved.save(9, values(9), STATE)
    monkeypatch.undo()
    assert names(saved.folder) == ["step-00000003", "step-00000007"]
    same(saved.latest().variables, values(7))
    saved.save(9, values(9), STATE)
    assert saved.latest().step == 9


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not be written"):
        Checkpoints(tmp_path / "file" / "checkpoints").save(1, values(), STATE)


def test_a_kill_while_writing_leaves_nothing_that_counts(saved, monkeypatch):
    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "digest", die)
        with pytest.raises(KeyboardInterrupt):
            saved.save(9, values(9), STATE)
    assert (saved.folder / ".partial-00000009" / "variables.npz").exists()
    assert saved.latest().step == 7
    saved.save(11, values(11), STATE)
    assert names(saved.folder) == ["step-00000007", "step-00000011"]


def test_old_ones_go_only_after_the_new_one_has_its_name(saved, monkeypatch):
    seen = []
    remove = module.shutil.rmtree

    def spy(path, **kwargs):
        seen.append((path.name, names(saved.folder)))
        remove(path, **kwargs)

    monkeypatch.setattr(module.shutil, "rmtree", spy)
    saved.save(9, values(9), STATE)
    assert seen == [
        ("step-00000003", ["step-00000003", "step-00000007", "step-00000009"])
    ]


# Variables


@pytest.mark.traced
def test_every_group_of_variables_is_read_and_written(tmp_path):
    learner, other = small_learner(), small_learner(seed=5)
    images = np.random.RandomState(0).randint(0, 256, (8, 2, 2, 3), np.uint8)
    labels = np.arange(8) % 3
    learner.fit(images, labels, batch_size=4, epochs=2, verbose=0)
    before = read_variables(learner)
    for part in (
        "weight/0000/",
        "bn/moving_mean",
        "seed_generator_state",
        "steps_done",
        "optimizer/0000/",
        "head_kernel_velocity",
        "iteration",
        "metric/0000/",
    ):
        assert any(part in name for name in before), part
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(4, before, STATE)
    write_variables(other, checkpoints.latest().variables)
    same(read_variables(other), before)
    assert int(ops.convert_to_numpy(other.optimizer.iterations)) == 4
    np.testing.assert_array_equal(
        ops.convert_to_numpy(other(images)),
        ops.convert_to_numpy(learner(images)),
    )


def test_names_do_not_depend_on_what_else_the_process_has_made():
    def auto_named():
        inner = keras.Sequential(
            [keras.Input((2, 2, 3)), keras.layers.Flatten()]
        )
        inner.add(keras.layers.Dense(2))
        learner = Learner(inner, dtype="mixed_float16")
        learner.compile(SGD(0.1, momentum=0.9))
        learner.optimizer.build(learner.trainable_variables)
        return read_variables(learner)

    first, second = auto_named(), auto_named()
    assert list(first) == list(second)
    assert "weight/0000/sequential/dense/kernel" in first
    assert any("scale_optimizer/dynamic_scale" in name for name in first)


@pytest.mark.parametrize("change", ["fewer", "renamed", "reshaped"])
def test_another_models_variables_are_refused(change):
    learner = small_learner()
    before = read_variables(learner)
    given = dict(before)
    name = "weight/0002/net/head/kernel"
    kernel = given.pop(name)
    if change == "renamed":
        given["weight/0002/net/tail/kernel"] = kernel
    if change == "reshaped":
        given = {**before, name: kernel[:, :2]}
    # A change of the first variable must not have been written.
    first = next(iter(given))
    given[first] = given[first] + 1
    message = rf"must hold the variables of this model.*Received: .*{name}"
    with pytest.raises(RunError, match=message):
        write_variables(learner, given)
    same(read_variables(learner), before)


# Callbacks


class Recorder:
    """Stands in for Checkpoints."""

    def __init__(self):
        self.steps = []

    def save(self, step, variables, state):
        assert state["step"] == step
        self.steps.append(step)


@pytest.fixture
def clock(monkeypatch):
    """Settable seconds for the callbacks."""
    now = types.SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(
        "kerastricks.training.saving.time",
        types.SimpleNamespace(monotonic=lambda: now.seconds),
    )
    return now


def save_callback(state, **options):
    callback = SaveCheckpoints(
        state, Recorder(), WatchSignals(state), **options
    )
    callback.set_model(small_learner())
    return callback


def run_steps(callback, steps, after=None):
    for step in steps:
        callback.state.step = step
        callback.on_train_batch_begin(step)
        if after:
            after(step)


def test_saves_every_so_many_steps(clock):
    callback = save_callback(RunState(), steps=4)
    run_steps(callback, range(12))
    callback.state.step = 12
    callback.on_epoch_end(0)
    assert callback.checkpoints.steps == [4, 8, 12]


def test_saves_every_so_many_minutes(clock):
    callback = save_callback(RunState(), minutes=0.5)

    def tick(step):
        clock.seconds += 10

    run_steps(callback, range(10), tick)
    assert callback.checkpoints.steps == [3, 6, 9]


def test_a_resumed_run_does_not_save_where_it_began(clock):
    callback = save_callback(RunState(step=4), steps=4)
    run_steps(callback, range(4, 9))
    assert callback.checkpoints.steps == [8]


def test_a_run_that_went_back_saves_again(clock):
    callback = save_callback(RunState(), steps=4)
    run_steps(callback, range(10))
    run_steps(callback, [5, 6])
    callback.signals.note(signal.SIGTERM, None)
    with pytest.raises(Interrupted):
        run_steps(callback, [7])
    assert callback.checkpoints.steps == [4, 8, 7]


def test_the_seconds_of_earlier_processes_count(clock):
    callback = save_callback(RunState(seconds=50.0))
    clock.seconds += 7
    callback.on_epoch_end(0)
    assert callback.state.seconds == 57.0
    clock.seconds += 1
    callback.on_epoch_end(1)
    assert callback.state.seconds == 58.0


def test_a_signal_saves_and_stops(clock):
    callback = save_callback(RunState())
    run_steps(callback, range(5))
    callback.signals.note(signal.SIGTERM, None)
    with pytest.raises(Interrupted):
        run_steps(callback, [5])
    assert callback.checkpoints.steps == [5]


def test_a_run_that_went_bad_is_not_saved(clock):
    callback = save_callback(RunState(step=6))
    callback.model.first_bad_step.assign(4)
    with pytest.raises(RunError, match="at step 5"):
        callback.on_epoch_end(0)
    assert callback.checkpoints.steps == []


def test_the_best_epochs_weights_are_kept(tmp_path):
    state, path = RunState(), tmp_path / "best.weights.h5"
    callback, learner = SaveBest(state, path), small_learner()
    callback.set_model(learner)
    bias = learner.model.get_layer("head").bias
    found = []
    for epoch, (top1, loss) in enumerate(
        [(0.5, 0.1), (0.7, 0.9), (0.7, 0.8), (0.7, 0.8), (0.6, 0.1)]
    ):
        bias.assign(np.full(3, epoch, np.float32))
        callback.on_epoch_end(epoch, {"val_top1": top1, "val_loss": loss})
        found.append((state.best_epoch, state.best_top1, state.best_loss))
    third = (3, 0.7, 0.8)  # as right as the second, with a smaller loss
    assert found == [(1, 0.5, 0.1), (2, 0.7, 0.9), third, third, third]
    other = small_learner(seed=3).model
    other.load_weights(path)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(other.get_layer("head").bias), 2.0
    )
    assert names(tmp_path) == ["best.weights.h5"]
