"""python -m kerastricks.evaluate --run_dir=DIR

Classifies every validation image of a run once more, with its best weights in
float32, and prints the numbers that result.json has.
"""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.errors import InputError
from kerastricks.hardware import choose_backend
from kerastricks.run_dir import RunDir

if TYPE_CHECKING:
    from kerastricks.data import Source

RUN_DIR = flags.Flag("run_dir", "", "folder of the run")
DATA = flags.Flag(
    "data", "", "other data of the same classes; empty: the run's"
)


def main(argv: Sequence[str]) -> None:
    """Evaluates and prints."""
    values, rest = flags.parse(argv, __doc__, (RUN_DIR, DATA))
    if rest:
        raise InputError(
            f"evaluate takes flags only. Received: {' '.join(rest)}"
        )
    folder = open_run(values["run_dir"])
    recipe = folder.recipe()
    choose_backend(recipe.run.backend)

    import numpy as np

    from kerastricks import build, trained
    from kerastricks.evaluation import summarize
    from kerastricks.outcome import judge

    about = folder.read(folder.effective_file)["data"]
    splits = build.evaluation_data(recipe, values["data"])
    check_labels(splits.val, about)
    outcome = judge(recipe, trained.load(recipe, folder), splits)
    labels = outcome.labels
    if about.get("multi_label") and not outcome.multi_label:
        labels = np.eye(len(about["class_names"]), dtype=np.float32)[labels]
    numbers = summarize(outcome.logits, labels)
    width = max(map(len, numbers))
    for name, value in numbers.items():
        print(f"{name:{width}} {value:.6f}")
    print(f"on {len(labels)} validation images")


def check_labels(source: "Source", about: dict[str, Any]) -> None:
    """The data must ask what the run was taught.

    Args:
        about: the run's data, as effective.json tells it.
    """
    names, theirs = source.class_names, tuple(about["class_names"])
    if names != theirs:
        raise InputError(
            "the data must have the classes of the run. Received: "
            f"{', '.join(names[:5])} ...; the run's: "
            f"{', '.join(theirs[:5])} ..."
        )
    if source.multi_label and not about.get("multi_label"):
        raise InputError(
            "a run of one class an image needs data of one class an image. "
            f"Received: several labels, as of {source.names[0]}"
        )


def open_run(path: str) -> RunDir:
    """The run's folder, which every command but train needs."""
    if not path:
        raise InputError("this command needs --run_dir=DIR. Received: none")
    return RunDir(pathlib.Path(path))


if __name__ == "__main__":
    run_command(main)
