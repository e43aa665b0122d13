import math
import pathlib

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.optimizers import (
    SGD,
    AdaBound,
    Adam,
    AdamW,
    Lamb,
    Lars,
    Lion,
    Lookahead,
    Muon,
    RMSprop,
)

pytestmark = pytest.mark.traced

# Made by tools/golden_optimizers.py; shapes are torch's.
GOLDEN = np.load(
    pathlib.Path(__file__).with_name("golden_optimizers.npz"),
    allow_pickle=False,
)
SHAPES = ((4, 3), (2, 5), (3, 2, 2, 2), (4,))
ENDS = np.cumsum([math.prod(shape) for shape in SHAPES])[:-1]
STEPS = len(GOLDEN["rates"])
DECAY = 0.05


@keras.saving.register_keras_serializable("tests")
class Table(keras.optimizers.schedules.LearningRateSchedule):
    """One value for each of the golden file's steps."""

    def __init__(self, peak=1.0, name="rates"):
        self.peak, self.name = peak, name

    def __call__(self, step):
        values = (self.peak * GOLDEN[self.name]).astype(np.float32)
        return ops.take(ops.convert_to_tensor(values), ops.cast(step, "int32"))

    def get_config(self):
        return {"peak": self.peak, "name": self.name}


CYCLED = Table(name="momenta")
SPARED = {"weight_decay": DECAY, "no_bias_decay": True}
CASES = {
    "sgd": lambda: SGD(Table(0.1), 0.9, **SPARED),
    "sgd_cycled": lambda: SGD(Table(0.1), CYCLED, nesterov=True),
    "adam": lambda: Adam(Table(0.05)),
    "adam_decay": lambda: Adam(Table(0.05), (0.8, 0.95), 0.01, **SPARED),
    "adam_cycled": lambda: Adam(Table(0.05), (CYCLED, 0.999)),
    "adamw": lambda: AdamW(Table(0.05), weight_decay=0.0),
    "adamw_decay": lambda: AdamW(Table(0.05), epsilon=0.01, **SPARED),
    "rmsprop": lambda: RMSprop(Table(0.02)),
    "rmsprop_decay": lambda: RMSprop(Table(0.005), 0.9, 0.1, 0.9, **SPARED),
    "rmsprop_centered": lambda: RMSprop(
        Table(0.005), epsilon=0.1, momentum=0.9, centered=True
    ),
    "lion": lambda: Lion(Table(0.02)),
    "lion_decay": lambda: Lion(
        Table(0.02), (0.8, 0.9), weight_decay=1.0, no_bias_decay=True
    ),
    "adabound": lambda: AdaBound(Table(0.01), final_lr=0.5, base_lr=0.01),
    "adabound_decay": lambda: AdaBound(
        Table(0.05), gamma=0.05, base_lr=0.05, epsilon=0.01, **SPARED
    ),
    "amsbound": lambda: AdaBound(
        Table(0.05), (0.9, 0.9), 0.02, base_lr=0.05, amsbound=True
    ),
    "lars": lambda: Lars(
        Table(0.1), 0.0, trust_coefficient=0.5, always_adapt=True
    ),
    "lars_decay": lambda: Lars(
        Table(0.1), weight_decay=DECAY, trust_coefficient=0.1
    ),
    "lars_nesterov": lambda: Lars(
        Table(0.1), nesterov=True, weight_decay=DECAY, trust_coefficient=0.1
    ),
    "lamb": lambda: Lamb(Table(0.03), weight_decay=0.0, always_adapt=True),
    "lamb_decay": lambda: Lamb(Table(0.03), epsilon=0.01, weight_decay=DECAY),
    "lamb_clipped": lambda: Lamb(
        Table(0.03), weight_decay=DECAY, global_clipnorm=1.0
    ),
    "muon": lambda: Muon(Table(0.025), weight_decay=0.0, adam_ratio=0.5),
    "muon_decay": lambda: Muon(
        Table(0.05), nesterov=False, weight_decay=DECAY, adam_ratio=0.5
    ),
    "muon_rms": lambda: Muon(
        Table(0.1), weight_decay=DECAY, scale="rms", adam_ratio=0.5
    ),
    "lookahead_sgd": lambda: Lookahead(SGD(Table(0.1), 0.9)),
    "lookahead_adamw": lambda: Lookahead(AdamW(Table(0.05), **SPARED)),
}


def to_keras(array):
    """(out, in, h, w) -> (h, w, in, out); (out, in) -> (in, out)."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def to_torch(array):
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T


def split(flat):
    """Arrays in Keras's layout of torch's numbers in a row."""
    parts = zip(np.split(flat, ENDS), SHAPES, strict=True)
    return [to_keras(part.reshape(shape)) for part, shape in parts]


def flatten(variables):
    arrays = [np.asarray(ops.convert_to_numpy(v)) for v in variables]
    return np.concatenate([to_torch(array).ravel() for array in arrays])


def gradient(weights, step):
    """As the tool computes it."""
    noise = np.sin(0.7 * (step + 1) * (np.arange(len(weights)) + 1))
    return noise + 0.3 * weights + 0.5 * np.sin(2 * weights)


def step_of(optimizer, variables):
    """One step by some gradients, in a graph where there are graphs."""

    def step(*gradients):
        optimizer.apply(list(gradients), variables)

    if keras.backend.backend() != "tensorflow":
        return step
    import tensorflow as tf

    return tf.function(step, autograph=False)


def trajectory(optimizer, steps=STEPS):
    """The weights [steps, all] after each step, in torch's layout."""
    variables = [
        keras.Variable(part.astype(np.float32), name=f"v{place}")
        for place, part in enumerate(split(GOLDEN["start"]))
    ]
    optimizer.build(variables)
    found, apply = [], step_of(optimizer, variables)
    for step in range(steps):
        weights = flatten(variables).astype(np.float64)
        parts = split(gradient(weights, step).astype(np.float32))
        apply(*map(ops.convert_to_tensor, parts))
        found.append(flatten(variables))
    return np.array(found)


@pytest.mark.parametrize("name", CASES)
def test_reference_to_the_sixth_digit(name):
    """Of the size of the weights, at every one of the steps."""
    expected = GOLDEN[name].astype(np.float64)
    moved = np.abs(expected[-1] - GOLDEN["start"])
    assert np.median(moved) > 0.1  # the steps are what is compared
    found = trajectory(CASES[name]())
    size = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(found - expected) / size).max() < 1e-6


def test_the_golden_file_holds_every_case():
    others = {"start", "rates", "momenta", "resnet50_names", "resnet50_scales"}
    assert set(GOLDEN.files) - others == set(CASES)


def test_no_two_cases_are_alike():
    names = [name for name in CASES if name != "adamw"]  # without decay: Adam
    ends = np.array([GOLDEN[name][-1] for name in names])
    apart = np.abs(ends[:, None] - ends).max(axis=2)
    assert (apart + np.eye(len(names)) > 1e-3).all()
