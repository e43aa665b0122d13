"""One recipe from start to result; resumes where an earlier process stopped."""

import dataclasses
import pathlib
from collections.abc import Collection
from typing import Any

from kerastricks.config import Recipe
from kerastricks.hardware import resolve
from kerastricks.run_dir import RunDir, default_path


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run came to; the keys of result.json and the run's folder."""

    run_dir: pathlib.Path
    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name in ("values", "run_dir") or name not in self.values:
            raise AttributeError(
                f"no such number in result.json. Received: {name}"
            )
        return self.values[name]


def run(recipe: Recipe, said: Collection[str] = ()) -> Result:
    """Trains, evaluates, reports and exports; the same call again resumes.

    Args:
        said: leaves that were set on purpose, though it be to their defaults,
            so that --finetune does not set them otherwise.

    Example:
        result = run(Recipe(data="shapes", epochs=10))
        result.top1, result.run_dir
    """
    recipe = resolve(recipe.validate(), said)
    folder = RunDir(pathlib.Path(recipe.run.run_dir or default_path(recipe)))
    with folder.claimed(recipe):
        if result := folder.result():
            print(f"already finished: {folder.path}")
            return Result(folder.path, result)
        # Only now, with Keras's backend settled, what is built on Keras.
        from kerastricks.carry_out import carry_out

        return Result(folder.path, carry_out(recipe, folder))


FIRST = ("mean_average_precision", "f1", "top1", "top5", "loss", "ece")


def one_line(result: Result) -> str:
    """The numbers that one wants to see first."""
    from kerastricks.evaluation.written import NAMES, told, written

    values = result.values
    numbers = ", ".join(
        f"{NAMES[key]} {written(key, values[key])}"
        for key in FIRST
        if told(key, values)
    )
    averaged = "averaged " * (values["best_weights"] == "average")
    judged = values.get("precision", "float32")
    other = f", in {judged}" if judged != "float32" else ""
    return (
        f"{numbers}\n"
        f"by the {averaged}weights of epoch {result.best_epoch}, the best on "
        f"these {result.val_images:,} images; after the last{other}: "
        f"{result.last_top1:.2%}"
    )
