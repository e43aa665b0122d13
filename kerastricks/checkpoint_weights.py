"""A network's weights out of a checkpoint, which holds much else."""

import pathlib
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from kerastricks.errors import InputError
from kerastricks.training.checkpoint import (
    Checkpoint,
    read_checkpoint,
    unnumbered,
)

Weights = list[np.ndarray]  # as model.weights
AVERAGE = "/average"  # how the path of an averaged weight ends


def read_whole(path: pathlib.Path) -> Checkpoint:
    """A checkpoint's content; a damaged one is refused."""
    checkpoint = read_checkpoint(path)
    if checkpoint is None:
        raise InputError(f"the checkpoint is damaged. Received: {path}")
    return checkpoint


def raw_weights(model: keras.Model, checkpoint: Checkpoint) -> Weights:
    """As the last step left them.

    They are found by names and shapes in a row, as Keras lists them, the seeds
    of random layers among them.
    """
    values: dict[int, np.ndarray] = {}
    for group, learns in (("weight", True), ("state", False)):
        wanted = [v for v in model.variables if v.trainable is learns]
        found = row_of(named(checkpoint, group), wanted)
        for weight, value in zip(wanted, found, strict=True):
            values[id(weight)] = value
    return [values[id(weight)] for weight in model.weights]


def average_weights(
    model: keras.Model, checkpoint: Checkpoint
) -> Weights | None:
    """Their average (`training.ema`), if the run keeps one.

    What is not averaged, counters and seeds, is the model's own.
    """
    found = [
        value
        for name, value in named(checkpoint, "state")
        if name.endswith(AVERAGE)
    ]
    if not found:
        return None
    averaged = [v for v in model.variables if "float" in v.dtype]
    if [tuple(v.shape) for v in averaged] != [v.shape for v in found]:
        raise InputError(
            "a checkpoint must hold an average of this network's weights. "
            f"Received: {len(found)} there, {len(averaged)} of the network, or "
            "of other shapes"
        )
    values: Mapping[int, np.ndarray] = {
        id(weight): value for weight, value in zip(averaged, found, strict=True)
    }
    return [
        values.get(id(weight), keras.ops.convert_to_numpy(weight))
        for weight in model.weights
    ]


def read(model: keras.Model) -> Weights:
    """The model's own."""
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def assign(model: keras.Model, weights: Weights) -> None:
    """Puts them in."""
    for weight, value in zip(model.weights, weights, strict=True):
        weight.assign(value)


def named(checkpoint: Checkpoint, group: str) -> list[tuple[str, np.ndarray]]:
    """(path, value) of a group's variables, in their order."""
    return [
        (name.split("/", 2)[2], value)
        for name, value in sorted(checkpoint.variables.items())
        if name.startswith(f"{group}/")
    ]


def row_of(given: list[tuple[str, np.ndarray]], wanted: Sequence) -> Weights:
    """The values that stand in a row as the wanted variables do."""
    there = [(name, value.shape) for name, value in given]
    asked = places(wanted)
    for start in range(len(there) - len(asked) + 1):
        if there[start : start + len(asked)] == asked:
            return [value for _, value in given[start : start + len(asked)]]
    raise InputError(
        "a checkpoint must hold the network as it is trained to the end, with "
        f"the same layers frozen. Received: {len(there)} variables there, "
        f"{len(asked)} of the network, in other rows"
    )


def places(weights: Sequence) -> list[tuple[str, tuple[int, ...]]]:
    """What tells them apart: path and shape."""
    return [(unnumbered(w.path), tuple(w.shape)) for w in weights]
