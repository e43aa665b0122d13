"""Checkpoints that no kill can spoil.

    run_dir/checkpoints/step-00001234/variables.npz   every variable, by path
                                      state.json      the rest, and a SHA-256

One is written to a temporary folder, flushed to the disk and renamed; only then
are old ones removed. A damaged one is passed over for the one before it.
"""

import dataclasses
import json
import math
import pathlib
import re
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kerastricks.errors import RunError
from kerastricks.files import digest, sync

VARIABLES = "variables.npz"
STATE = "state.json"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What is in one checkpoint."""

    step: int
    variables: dict[str, np.ndarray]
    state: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: made at the first save.
        keep: how many of the newest stay.
    """

    def __init__(self, folder: pathlib.Path, keep: int = 2) -> None:
        self.folder = pathlib.Path(folder)
        self.keep = keep

    def save(
        self,
        step: int,
        variables: Mapping[str, np.ndarray],
        state: Mapping[str, Any],
    ) -> pathlib.Path:
        """Writes one; on failure the others are as they were."""
        target = self.folder / f"step-{step:08d}"
        partial = self.folder / f".partial-{step:08d}"
        old = partial.with_suffix(".old")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(".partial-*"):  # by a killed run
                shutil.rmtree(left, ignore_errors=True)
            partial.mkdir()
            write_checkpoint(partial, step, variables, state)
            if target.exists():  # the same step again, after a resume
                target.rename(old)
            partial.rename(target)
            sync(self.folder)
            if old.exists():
                shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise RunError(
                f"the checkpoint of step {step} could not be written "
                f"({error.strerror or error}); the one before it is untouched. "
                f"Free some space or mend the folder and run the same command "
                f"again. Received: {self.folder}"
            ) from error
        self.prune(target)
        return target

    def prune(self, newest: pathlib.Path) -> None:
        """Removes what is too old, and later ones that were passed over."""
        folders = self.all()
        end = folders.index(newest) + 1
        for folder in folders[: max(end - self.keep, 0)] + folders[end:]:
            shutil.rmtree(folder, ignore_errors=True)

    def forget_after(self, step: int) -> None:
        """Removes what was written after a step."""
        for folder in self.all():
            if int(folder.name.partition("-")[2]) > step:
                shutil.rmtree(folder, ignore_errors=True)

    def all(self) -> list[pathlib.Path]:
        """Complete ones, oldest first."""
        return sorted(self.folder.glob("step-*"))

    def latest(self, before: float = math.inf) -> Checkpoint | None:
        """The newest that is whole, of a step before another, or None."""
        for folder in reversed(self.all()):
            if int(folder.name.partition("-")[2]) >= before:
                continue
            checkpoint = read_checkpoint(folder)
            if checkpoint is not None:
                return checkpoint
            print(f"passing over a damaged checkpoint: {folder}")
        return None


def write_checkpoint(
    folder: pathlib.Path,
    step: int,
    variables: Mapping[str, np.ndarray],
    state: Mapping[str, Any],
) -> None:
    """Both files, flushed to the disk."""
    with open(folder / VARIABLES, "wb") as file:
        np.savez(file, **variables)  # type: ignore[arg-type]
    about = {
        "step": step,
        "sha256": digest(folder / VARIABLES),
        "state": dict(state),
    }
    with open(folder / STATE, "w", encoding="utf-8") as file:
        json.dump(about, file, indent=1)
    for path in (folder / VARIABLES, folder / STATE, folder):
        sync(path)


def read_checkpoint(folder: pathlib.Path) -> Checkpoint | None:
    """The checkpoint in a folder, or None if it is damaged."""
    try:
        about = json.loads((folder / STATE).read_text(encoding="utf-8"))
        if digest(folder / VARIABLES) != about["sha256"]:
            return None
        with np.load(folder / VARIABLES) as file:
            variables = {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError):
        return None
    return Checkpoint(about["step"], variables, about["state"])


def read_variables(learner: keras.Model) -> dict[str, np.ndarray]:
    """Every variable that the next step depends on, by place and path."""
    return {
        name: keras.ops.convert_to_numpy(variable)
        for name, variable in named_variables(learner).items()
    }


def write_variables(
    learner: keras.Model, values: Mapping[str, np.ndarray]
) -> None:
    """Puts a checkpoint's values back."""
    variables = named_variables(learner)
    wanted = {name: tuple(v.shape) for name, v in variables.items()}
    given = {name: tuple(value.shape) for name, value in values.items()}
    if wanted != given:
        strange = sorted({name for name, _ in wanted.items() ^ given.items()})
        raise RunError(
            "the checkpoint must hold the variables of this model. Received: "
            f"{len(given)} instead of {len(wanted)}, differing in "
            f"{', '.join(strange[:3])}"
        )
    for name, variable in variables.items():
        variable.assign(values[name])


def named_variables(learner: keras.Model) -> dict[str, Any]:
    """Weights, optimizer state and metrics; paths alone need not be unique.

    Nor are they stable: Keras numbers what has no name of its own by what else
    the process has made, so numbers are left out.
    """
    groups: Sequence[tuple[str, Sequence[Any]]] = (
        ("weight", learner.trainable_variables),
        ("state", learner.own_state),
        ("optimizer", learner.optimizer.variables),
        ("metric", learner.metrics_variables),
    )
    return {
        f"{group}/{place:04d}/{unnumbered(variable.path)}": variable
        for group, variables in groups
        for place, variable in enumerate(variables)
    }


def unnumbered(path: str) -> str:
    """sgd_1/net_conv2d_3_kernel_velocity -> sgd/net_conv2d_kernel_velocity"""
    return re.sub(r"_\d+(?=[_/]|$)", "", path)
