"""python -m kerastricks.evaluate --run_dir=DIR

Classifies every validation image of a run once more, with its best weights in
float32, and prints the numbers that result.json has.
"""

import pathlib
from collections.abc import Sequence

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.errors import InputError
from kerastricks.hardware import choose_backend
from kerastricks.run_dir import RunDir

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

    from kerastricks import build, trained
    from kerastricks.evaluation import summarize
    from kerastricks.outcome import judge

    names = tuple(folder.read(folder.effective_file)["data"]["class_names"])
    splits = build.evaluation_data(recipe, values["data"])
    if splits.val.class_names != names:
        raise InputError(
            "the data must have the classes of the run. Received: "
            f"{', '.join(splits.val.class_names[:5])} ...; the run's: "
            f"{', '.join(names[:5])} ..."
        )
    outcome = judge(recipe, trained.load(recipe, folder), splits)
    for name, value in summarize(outcome.logits, outcome.labels).items():
        print(f"{name:5} {value:.6f}")
    print(f"on {len(outcome.labels)} validation images")


def open_run(path: str) -> RunDir:
    """The run's folder, which every command but train needs."""
    if not path:
        raise InputError("this command needs --run_dir=DIR. Received: none")
    return RunDir(pathlib.Path(path))


if __name__ == "__main__":
    run_command(main)
