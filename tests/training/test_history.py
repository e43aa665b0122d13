import csv
import types

import pytest
import tensorflow as tf
from tensorflow.core.util import event_pb2

from kerastricks.augment import Augment
from kerastricks.training import Phase, RunState, history
from kerastricks.training.history import (
    COLUMNS,
    KeepHistory,
    MeasureClean,
    WriteEvents,
    WriteMetrics,
    resize_speedup,
)

LOGS = {"loss": 1.5, "top1": 0.25, "top5": 1.0}
VAL = {"val_loss": 1.25, "val_top1": 0.5, "val_top5": 0.75}


@pytest.fixture
def clock(monkeypatch):
    now = types.SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(
        history,
        "time",
        types.SimpleNamespace(monotonic=lambda: now.seconds),
    )
    return now


def set_up(callback, steps=5, rate=0.1):
    optimizer = types.SimpleNamespace(learning_rate=rate)
    callback.set_model(types.SimpleNamespace(optimizer=optimizer))
    callback.set_params({"steps": steps})
    return callback


def phases(batch_size):
    """One of 32 px that never ends."""
    return [Phase("train", 0, 9, 0, 5, 32, batch_size, Augment([]))]


def epoch(callback, clock, number, steps=5, validation=True):
    """Compiling 20 s, then a step each 2 s, then validation of 30 s."""
    callback.on_epoch_begin(number)
    for batch in range(steps):
        callback.on_train_batch_begin(batch)
        clock.seconds += 20 if batch == 0 else 2
    if validation:
        callback.on_test_begin()
        clock.seconds += 30
    callback.state.step += steps
    callback.on_epoch_end(number, LOGS | (VAL if validation else {}))


def test_a_row_by_hand(clock):
    callback = set_up(KeepHistory(RunState(step=10), phases(16)))
    epoch(callback, clock, 2)
    (row,) = callback.state.history
    assert row == {
        "epoch": 3,
        "step": 15,
        "learning_rate": 0.1,
        **LOGS,
        **VAL,
        "image_size": 32,
        "batch_size": 16,
        "images_per_second": 8.0,  # 16 images in 2 s
        "seconds": 58.0,  # 20 + 4 * 2 + 30
    }
    extras = ("clean_loss", "clean_top1", "average_loss", "average_top1")
    assert tuple(row) == tuple(name for name in COLUMNS if name not in extras)


def test_speed_of_one_step_and_of_a_later_epoch(clock):
    callback = set_up(KeepHistory(RunState(), phases(16)), steps=1)
    epoch(callback, clock, 0, steps=1, validation=False)
    callback.set_params({"steps": 5})
    epoch(callback, clock, 1)
    speeds = [row["images_per_second"] for row in callback.state.history]
    assert speeds == [0.8, 8.0]  # 16 images in 20 s, compiling and all
    assert "val_loss" not in callback.state.history[0]


def test_other_metrics_stay_out_of_the_row(clock):
    callback = set_up(KeepHistory(RunState(), phases(1)))
    callback.on_epoch_begin(0)
    clock.seconds += 1
    callback.on_epoch_end(0, LOGS | {"my_metric": 3})
    assert "my_metric" not in callback.state.history[0]


def test_clean_accuracy_reaches_the_row(clock):
    class Model(types.SimpleNamespace):
        def evaluate(self, batches, verbose, return_dict):
            assert (batches, verbose, return_dict) == ("batches", 0, True)
            return {"loss": 0.5, "top1": 0.75, "top5": 1.0}

    average = {"average_loss": 0.4, "average_top1": 0.8}
    state, logs = RunState(), {**LOGS, **VAL, **average}
    measure, keep = (
        MeasureClean(state, "batches"),
        KeepHistory(state, phases(8)),
    )
    measure.set_model(Model())
    measure.on_epoch_end(0, logs)
    set_up(keep).on_epoch_begin(0)
    keep.on_train_batch_begin(0)
    clock.seconds += 4
    keep.on_epoch_end(0, logs)
    (row,) = state.history
    assert (row["clean_loss"], row["clean_top1"]) == (0.5, 0.75)
    assert tuple(row) == COLUMNS


def test_what_small_images_save():
    def row(step, size, batch, speed):
        return {
            "step": step,
            "image_size": size,
            "batch_size": batch,
            "images_per_second": speed,
        }

    # 100 x 8 images at 80 a second, 50 x 4 at 20, the same at 25.
    rows = [row(100, 16, 8, 80), row(150, 32, 4, 20), row(200, 32, 4, 25)]
    seconds = 800 / 80 + 200 / 20 + 200 / 25
    assert resize_speedup(rows) == pytest.approx(1200 / 22.5 / seconds)
    assert resize_speedup(rows[1:]) is None


def test_csv_holds_the_history_to_the_last_bit(tmp_path):
    path = tmp_path / "metrics.csv"
    state = RunState()
    callback = WriteMetrics(state, path)
    rows = [
        {name: (i + 1) / 3 for i, name in enumerate(COLUMNS)},
        {"epoch": 2, "step": 8, "loss": 1e-12, "seconds": 0.5},
    ]
    for number, row in enumerate(rows):
        state.history.append(row)
        callback.on_epoch_end(number)
        with open(path, newline="") as file:
            found = list(csv.DictReader(file))
        assert len(found) == number + 1
    assert tuple(found[0]) == COLUMNS
    for values, row in zip(found, rows, strict=True):
        given = {name: float(x) for name, x in values.items() if x}
        assert given == row
    assert "\r" not in path.read_text()


def test_csv_follows_a_history_that_was_cut(tmp_path):
    path = tmp_path / "metrics.csv"
    state = RunState(history=[{"epoch": 1}, {"epoch": 2}])
    callback = WriteMetrics(state, path)
    callback.on_epoch_end(1)
    state.history = [{"epoch": 1}]  # an older checkpoint
    callback.on_epoch_end(0)
    with open(path, newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]


def read_events(folder):
    """{(tag, step): value}, and the plugins that the tags are for."""
    values, plugins = {}, set()
    for path in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = event_pb2.Event.FromString(record.numpy())
            for value in event.summary.value:
                number = tf.make_ndarray(value.tensor)
                values[value.tag, event.step] = float(number)
                plugins.add(value.metadata.plugin_data.plugin_name)
    return values, plugins


def test_tensorboard_gets_every_number_by_epoch(tmp_path):
    state = RunState()
    callback = WriteEvents(state, tmp_path / "events")
    for number in range(2):
        state.history.append(
            {"epoch": number + 1, "step": 5 * number, "seconds": 2.5}
            | {"loss": 1 / (number + 1), "val_top1": 0.5 + number / 4}
        )
        callback.on_epoch_end(number)
    values, plugins = read_events(tmp_path / "events")
    assert values == {
        ("loss", 1): 1.0,
        ("loss", 2): 0.5,
        ("val_top1", 1): 0.5,
        ("val_top1", 2): 0.75,
        ("seconds", 1): 2.5,
        ("seconds", 2): 2.5,
    }
    assert plugins == {"scalars"}


def test_a_resumed_run_adds_to_the_events(tmp_path):
    for number in range(2):
        state = RunState(history=[{"epoch": number + 1, "loss": number}])
        WriteEvents(state, tmp_path).on_epoch_end(number)
    assert read_events(tmp_path)[0] == {("loss", 1): 0.0, ("loss", 2): 1.0}
