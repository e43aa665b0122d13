"""The average of the weights is validated beside them, and the best is kept."""

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Normalize
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.training import Ema, EpochMeans, Learner, RunState
from kerastricks.training.saving import MeasureAverage, SaveBest

pytestmark = pytest.mark.traced

UNIT = Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.uniform(-1, 1, (12, 2, 2, 3)).astype(np.float32)
LABELS = RANDOM.randint(0, 3, 12)


class Validation(keras.utils.PyDataset):
    """All images in one batch."""

    def __len__(self):
        return 1

    def __getitem__(self, place):
        return IMAGES, LABELS


def make_learner(average, seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="head"),
        ]
    )
    learner = Learner(model, [UNIT], average=average)
    learner.compile(SGD(0.5), SoftCrossEntropy())
    return learner


def numbers(variables):
    return [ops.convert_to_numpy(variable) for variable in variables]


def fit(learner, folder, epochs, start=0, recalibrate=None):
    """Trains with the callbacks of a run; the run's state."""
    state = RunState()
    best = SaveBest(state, folder / "best.weights.h5")
    measure = MeasureAverage(state, Validation(), best, start, recalibrate)
    learner.fit(
        *(IMAGES, LABELS),
        batch_size=6,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        validation_data=Validation(),
        callbacks=[best, measure, *getattr(learner, "watchers", [])],
    )
    return state


class Watch(keras.callbacks.Callback):
    """Keeps each epoch's logs, weights and average."""

    def __init__(self):
        super().__init__()
        self.logs, self.raw, self.averages = [], [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        self.raw.append(numbers(self.model.averaged_variables))
        self.averages.append(numbers(self.model.averages))


def watched(average, folder, epochs=3, **options):
    learner, watch = make_learner(average), Watch()
    learner.watchers = [watch]
    fit(learner, folder, epochs, **options)
    return watch


def judged(values):
    """(loss, top1) of these weights, by a learner of its own."""
    other = make_learner(None, seed=5)
    pairs = zip(other.averaged_variables, values, strict=True)
    for variable, value in pairs:
        variable.assign(value)
    found = other.evaluate(Validation(), verbose=0, return_dict=True)
    return found["loss"], found["top1"]


@pytest.mark.slow
def test_each_epoch_is_validated_twice(tmp_path):
    watch = watched(Ema(0.9), tmp_path)
    for logs, raw, average in zip(
        watch.logs, watch.raw, watch.averages, strict=True
    ):
        assert judged(raw) == pytest.approx(
            (logs["val_loss"], logs["val_top1"]), rel=1e-5
        )
        assert judged(average) == pytest.approx(
            (logs["average_loss"], logs["average_top1"]), rel=1e-5
        )
    assert watch.logs[2]["average_loss"] != watch.logs[2]["val_loss"]


def test_epochs_count_from_the_first_that_is_meant(tmp_path):
    watch = watched(EpochMeans(), tmp_path, epochs=4, start=2)
    assert ["average_loss" in logs for logs in watch.logs] == [0, 0, 1, 1]
    for got, *two in zip(watch.averages[3], *watch.raw[2:], strict=True):
        np.testing.assert_allclose(got, np.mean(two, axis=0), atol=1e-6)


def test_the_better_of_the_two_is_kept(tmp_path):
    learner = make_learner(Ema(0.9))
    fit(learner, tmp_path, 1)
    values = {"raw": numbers(learner.averaged_variables)}
    state = RunState()
    best = SaveBest(state, tmp_path / "best.weights.h5")
    measure = MeasureAverage(state, Validation(), best)
    for callback in (best, measure):
        callback.set_model(learner)
    for copy in learner.averages:
        copy.assign(copy * 2 + 0.1)
    values["average"] = numbers(learner.averages)
    best.on_epoch_end(0, {"val_top1": 0.0, "val_loss": 9.0})
    assert state.best_weights == "raw"
    measure.on_epoch_end(0, {})
    assert state.best_weights == "average" and state.best_epoch == 1
    other = make_learner(None, seed=7)
    other.model.load_weights(tmp_path / "best.weights.h5")
    for got, want in zip(
        numbers(other.averaged_variables), values["average"], strict=True
    ):
        np.testing.assert_array_equal(got, want)
    for got, want in zip(
        numbers(learner.averaged_variables), values["raw"], strict=True
    ):
        np.testing.assert_array_equal(got, want)
    best.on_epoch_end(1, {"val_top1": 1.0, "val_loss": 0.1})
    assert (state.best_weights, state.best_epoch) == ("raw", 2)


def test_statistics_may_be_measured_anew_for_the_average_alone(tmp_path):
    learner = make_learner(EpochMeans())
    norm = learner.model.layers[0]

    def anew():
        norm.moving_mean.assign(np.full(3, 7.0, np.float32))

    state = RunState()
    best = SaveBest(state, tmp_path / "best.weights.h5")
    measure = MeasureAverage(state, Validation(), best, 0, anew)
    for callback in (best, measure):
        callback.set_model(learner)
    measure.on_epoch_end(0, {})
    raw = ops.convert_to_numpy(norm.moving_mean)
    np.testing.assert_array_equal(raw, 0.0)
    other = make_learner(None)
    other.model.load_weights(tmp_path / "best.weights.h5")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(other.model.layers[0].moving_mean), 7.0
    )
