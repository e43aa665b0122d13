"""Raw and averaged weights, found again in a checkpoint."""

import keras
import numpy as np
import pytest

from kerastricks.checkpoint_weights import (
    assign,
    average_weights,
    raw_weights,
    read,
    read_whole,
)
from kerastricks.errors import InputError
from kerastricks.training import Learner
from kerastricks.training.checkpoint import Checkpoints, read_variables
from kerastricks.training.ema import Ema


def network() -> keras.Model:
    """With batch norms and a seed among its variables."""
    layers = keras.layers
    inputs = keras.Input((4,))
    x = layers.BatchNormalization()(layers.Dense(4)(inputs))
    x = layers.BatchNormalization()(layers.Dropout(0.5)(x))
    return keras.Model(inputs, layers.Dense(2)(x))


def saved(folder, model, average=None):
    """The folder of a checkpoint of random weights and another average."""
    learner = Learner(model, average=average)
    learner.compile("adam")
    random = np.random.RandomState(0)
    for weight in [*model.weights, *learner.averages]:
        weight.assign(random.normal(size=weight.shape))
    path = Checkpoints(folder).save(1, read_variables(learner), {})
    return path, learner


def test_both_are_found_beside_seeds_and_moments(tmp_path):
    model = network()
    path, learner = saved(tmp_path, model, Ema(0.9))
    checkpoint, other = read_whole(path), network()
    found = raw_weights(other, checkpoint)
    for value, expected in zip(found, read(model), strict=True):
        np.testing.assert_array_equal(value, expected)
    averages = average_weights(other, checkpoint)
    with learner.averaged():
        for value, expected in zip(averages, read(model), strict=True):
            np.testing.assert_array_equal(value, expected)
    assign(other, found)
    inputs = np.ones((3, 4), np.float32)
    np.testing.assert_array_equal(other(inputs), model(inputs))


def test_without_an_average_there_is_none(tmp_path):
    path, _ = saved(tmp_path, network())
    assert average_weights(network(), read_whole(path)) is None


def test_other_networks_and_damage_are_refused(tmp_path):
    path, _ = saved(tmp_path, network(), Ema(0.9))
    wider = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(InputError, match="2 of the network, in other rows"):
        raw_weights(wider, read_whole(path))
    with pytest.raises(InputError, match="12 there, 2 of the network"):
        average_weights(wider, read_whole(path))
    (path / "state.json").write_text("{")
    with pytest.raises(InputError, match="the checkpoint is damaged"):
        read_whole(path)
