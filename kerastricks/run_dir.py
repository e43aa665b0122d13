"""The folder of a run: what lies where, and whose it is."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

from kerastricks import flags
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.files import json_text, write_text

FLAG = flags.Flag("run_dir", "", "folder of the run")


# What a run's data must have, whenever it goes on.
SAME = ("class_names", "train_images", "val_images", "sha256", "image_size")


@dataclasses.dataclass(frozen=True)
class RunDir:
    """Paths of one run.

    Example:
        run = RunDir(pathlib.Path("runs/demo"))
        run.recipe()  # the Recipe that made it
    """

    path: pathlib.Path

    def __post_init__(self) -> None:
        # No shell expands the ~ of --run_dir=~/runs/demo.
        path = pathlib.Path(os.path.expanduser(self.path))
        object.__setattr__(self, "path", path)

    @property
    def recipe_file(self) -> pathlib.Path:
        return self.path / "recipe.flags"

    @property
    def effective_file(self) -> pathlib.Path:
        return self.path / "effective.json"

    @property
    def result_file(self) -> pathlib.Path:
        return self.path / "result.json"

    @property
    def metrics_file(self) -> pathlib.Path:
        return self.path / "metrics.csv"

    @property
    def report_file(self) -> pathlib.Path:
        return self.path / "report.html"

    @property
    def calibration_file(self) -> pathlib.Path:
        return self.path / "calibration.json"

    @property
    def best_weights(self) -> pathlib.Path:
        return self.path / "best.weights.h5"

    @property
    def checkpoints(self) -> pathlib.Path:
        return self.path / "checkpoints"

    @property
    def teacher_logits(self) -> pathlib.Path:
        return self.path / "teacher_logits.npz"

    @property
    def events(self) -> pathlib.Path:
        return self.path / "tensorboard"

    @property
    def saved_model(self) -> pathlib.Path:
        return self.path / "saved_model"

    def recipe(self) -> Recipe:
        """The recipe that the run was made by."""
        if not self.recipe_file.is_file():
            raise InputError(
                "run_dir must be the folder of a run (it holds recipe.flags). "
                f"Received: run_dir={self.path}"
            )
        return flags.parse_recipe([f"--flagfile={self.recipe_file}"], "")

    def calibration(self) -> dict[str, Any]:
        """What its own validation images gave; empty for runs of old."""
        if not self.calibration_file.is_file():
            return {}
        return self.read(self.calibration_file)

    def result(self) -> dict[str, Any] | None:
        """What the run came to, if it is finished."""
        try:
            return json.loads(self.result_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # half a file: of a machine that fell
            return None

    def read(self, file: pathlib.Path) -> dict[str, Any]:
        """One of the run's JSON files."""
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise InputError(
                f"this run has no whole {file.name} yet: train it first (the "
                f"same command goes on where it stopped). Received: "
                f"run_dir={self.path}"
            ) from None

    @contextlib.contextmanager
    def claimed(self, recipe: Recipe) -> Iterator[None]:
        """The folder, made if need be, for this recipe and process alone.

        A recipe that came to nothing (a mistyped flag, say) claims nothing, and
        leaves no empty folder behind.
        """
        self.check_same_recipe(recipe)
        is_new = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / ".lock").touch()
        except OSError as error:
            raise InputError(
                "run_dir must be a folder that can be written to "
                f"({error.strerror}). Received: run_dir={self.path}"
            ) from None
        try:
            with self.locked():
                yield
        finally:
            if is_new:
                with contextlib.suppress(OSError):  # it is not empty
                    self.path.rmdir()

    def check_same_recipe(self, recipe: Recipe) -> None:
        """Refuses to go on with a run that another recipe began."""
        if not (self.has_progress() and self.recipe_file.is_file()):
            return
        before, now = self.recipe().identity(), recipe.identity()
        if now["normalize"] == "dataset":  # not measured yet
            now["normalize"] = before["normalize"]
        changed = [
            f"--{name}={flags.flag_text(now[name])} "
            f"(there: {flags.flag_text(before[name])})"
            for name in now
            if now[name] != before[name]
        ]
        if changed:
            raise InputError(
                "run_dir holds a run of another recipe; give these flags as "
                "they were to go on with it, or another run_dir. Received: "
                f"{', '.join(changed)} in run_dir={self.path}"
            )

    def check_same_data(self, effective: dict[str, Any]) -> None:
        """Refuses to go on with a run whose data has changed meanwhile."""
        if not (self.has_progress() and self.effective_file.is_file()):
            return
        before = self.read(self.effective_file)["data"]
        now = effective["data"]
        for name in SAME:
            if before[name] != now[name]:
                raise InputError(
                    "the data has changed since this run began; give another "
                    f"run_dir. Received: {name}={now[name]} "
                    f"(there: {before[name]}) in run_dir={self.path}"
                )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second process out of the run."""
        try:
            import fcntl
        except ImportError:
            raise InputError(
                "runs need a system that locks files as Linux and macOS do (on "
                f"Windows: WSL). Received: {sys.platform}"
            ) from None
        path = self.path / ".lock"
        with open(path, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    "another process is at work in this run_dir. "
                    f"Received: run_dir={self.path}"
                ) from None
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def has_progress(self) -> bool:
        """Whether training has left something worth keeping."""
        return self.result_file.exists() or any(self.checkpoints.glob("step-*"))

    def record(self, recipe: Recipe, effective: dict[str, Any]) -> None:
        """Writes down what is about to be trained."""
        write_text(self.effective_file, json_text(effective))
        write_text(self.recipe_file, flags.recipe_text(recipe))


def open_run(path: str) -> RunDir:
    """The run's folder, which every command but train needs."""
    if not path:
        raise InputError("this command needs --run_dir=DIR. Received: none")
    return RunDir(pathlib.Path(path))


def open_runs(paths: str) -> list[RunDir]:
    """The folders of one run or, with commas between, of several."""
    if os.path.isdir(os.path.expanduser(paths)):  # whose name has a comma
        return [open_run(paths)]
    parts = [part.strip() for part in paths.split(",")]
    return [open_run(part) for part in parts if part]


def default_path(recipe: Recipe) -> pathlib.Path:
    """runs/DATA-MODEL-HASH: the same recipe finds its run again."""
    data = recipe.data.data.rstrip("/").split("/")[-1].split(":")[-1]
    parts = (data, recipe.model.model, recipe.sha256()[:8])
    # No stars of a pattern, no colons: a name for any file system.
    names = (re.sub(r"[^\w.]+", "-", part).strip("-") for part in parts)
    return pathlib.Path("runs") / "-".join(names)
