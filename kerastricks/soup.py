"""python -m kerastricks.soup --run_dirs=DIR,DIR,... --output=DIR

Averages the weights of several runs into one model, which costs what one of
them costs. For runs that began at the same trained weights, with --greedy only
those that help; or with --checkpoints the kept checkpoints of a single run.

Prints what each run, the soup and the ensemble of all are worth on the
validation images, and writes a folder that evaluate, predict and export take as
a run's, and that --init_weights=DIR/best.weights.h5 begins at.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.evaluation.written import SHORT, told, written
from kerastricks.files import json_text, need_room, replacing
from kerastricks.hardware import choose_backend
from kerastricks.run_dir import RunDir, open_runs
from kerastricks.targets import free_folder
from kerastricks.versions import versions

if TYPE_CHECKING:
    from kerastricks.weight_soup import Bench, Measured

RUN_DIRS = flags.Flag("run_dirs", "", "folders of runs, commas between them")
OUTPUT = flags.Flag("output", "", "folder to write; new, empty or a soup")
GREEDY = flags.Flag(
    "greedy",
    False,
    "from the best run on, take in another if validation top-1 does not fall",
)
RECALIBRATE = flags.Flag(
    "recalibrate_bn",
    0,
    "training batches that give the soup's batch norms new statistics; 0: the "
    "runs' are averaged",
)
CHECKPOINTS = flags.Flag(
    "checkpoints",
    False,
    "of one run, its kept checkpoints (--keep_checkpoints of training)",
)
RECORD = "soup.json"


def main(argv: Sequence[str]) -> None:
    """Measures, averages, writes."""
    values = flags.parse_alone(
        "soup",
        argv,
        __doc__,
        (RUN_DIRS, OUTPUT, GREEDY, RECALIBRATE, CHECKPOINTS),
    )
    folders = opened(values)
    if not values["output"]:
        raise InputError("soup needs --output=DIR. Received: none")
    target = free_folder(values["output"], RECORD, "a soup")
    recipes = [folder.recipe() for folder in folders]
    abouts = [folder.read(folder.effective_file) for folder in folders]
    refuse_unlike(folders, recipes, abouts)
    for doubt in (doubts := found_doubts(recipes, abouts)):
        print(f"warning    {doubt}")
    recipe = recipes[0]
    choose_backend(recipe.run.backend)

    from kerastricks import build, trained
    from kerastricks.data.bad_images import naming_bad
    from kerastricks.weight_soup import Bench

    splits = (
        build.data(recipe)
        if values["recalibrate_bn"]
        else build.evaluation_data(recipe)
    )
    trained.check_own(splits, abouts[0]["data"])
    classifier = trained.load(recipe, folders[0])
    bench = Bench(recipe, classifier, splits, values["recalibrate_bn"])
    with naming_bad(
        splits.train, splits.val, max_pixels=recipe.data.max_pixels
    ):
        parts = measured(bench, folders, recipes, values["checkpoints"])
        soup = cooked(bench, parts, values["greedy"])
    rows = {part.name: part.numbers for part in [*parts, soup]}
    rows[f"ensemble of {len(parts)}"] = bench.ensemble(parts)
    print(f"\n{table(rows)}\non {len(bench.labels)} validation images")
    record = {
        "kind": "greedy" if values["greedy"] else "uniform",
        "of": "checkpoints" if values["checkpoints"] else "runs",
        "runs": [str(folder.path.resolve()) for folder in folders],
        "used": list(soup.parts),
        "recalibrate_bn": values["recalibrate_bn"],
        "warnings": doubts,
        "table": rows,
    }
    write(target, recipe, abouts[0], bench, soup, record)
    print(f"soup       {target}")


def opened(values: dict[str, Any]) -> list[RunDir]:
    """The runs' folders, as many as it takes."""
    folders = open_runs(values["run_dirs"])
    known = {folder.path.resolve() for folder in folders}
    if values["checkpoints"] and (len(folders) != 1 or values["greedy"]):
        raise InputError(
            "checkpoints averages those of a single run, all of them. "
            f"Received: run_dirs={values['run_dirs']}, "
            f"greedy={flags.flag_text(values['greedy'])}"
        )
    if not values["checkpoints"] and not len(folders) == len(known) > 1:
        raise InputError(
            "run_dirs must name at least two runs, each once. "
            f"Received: run_dirs={values['run_dirs']}"
        )
    if values["recalibrate_bn"] < 0:
        raise InputError(
            "recalibrate_bn must not be negative. "
            f"Received: recalibrate_bn={values['recalibrate_bn']}"
        )
    return folders


def refuse_unlike(
    folders: Sequence[RunDir],
    recipes: Sequence[Recipe],
    abouts: Sequence[dict[str, Any]],
) -> None:
    """Their weights must mean the same, of images of the same kind."""
    first, *others = map(nature, recipes, abouts)
    for folder, other in zip(folders[1:], others, strict=True):
        unlike = [
            f"{name}={flags.flag_text(other.get(name))} "
            f"(there: {flags.flag_text(first.get(name))})"
            for name in {**first, **other}
            if first.get(name) != other.get(name)
        ]
        if unlike:
            raise InputError(
                "the runs of a soup must have the same network, classes, "
                f"normalisation and image size. Received: {', '.join(unlike)} "
                f"in {folder.path}, there: {folders[0].path}"
            )


def nature(recipe: Recipe, about: dict[str, Any]) -> dict[str, Any]:
    """What must be the same, by its name."""
    from kerastricks.finetuning import settled_stem
    from kerastricks.models.names import LEARNING, in_zoo, knobs, spelled

    name, data = recipe.model.model, about["data"]
    values = recipe.values() | settled_stem(recipe, data["image_size"])
    shape = sorted(knobs(name) - LEARNING)
    return {
        "model": name if in_zoo(name) else spelled(name),
        **{knob: values[knob] for knob in shape},
        "image_size": data["image_size"],
        "mean": tuple(data["mean"]),
        "std": tuple(data["std"]),
        "multi_label": data.get("multi_label", False),
        "classes": len(data["class_names"]),
        "class_names": " ".join(data["class_names"]),
    }


def found_doubts(
    recipes: Sequence[Recipe], abouts: Sequence[dict[str, Any]]
) -> list[str]:
    """Why the soup may be worth little, or its numbers too good."""
    if len(recipes) == 1:
        return []
    doubts = []
    values = [recipe.values() for recipe in recipes]
    starts = {v["init_weights"] or v["finetune"] for v in values}
    if len(starts) > 1 or starts == {""}:
        doubts.append(
            "the runs did not begin at the same trained weights: the mean of "
            "their weights may be no model at all"
        )
    elif values[0]["finetune"] and len({v["seed"] for v in values}) > 1:
        doubts.append(
            "new heads are drawn by the seed, so these runs began with heads "
            "of their own: see below what the mean of their weights is worth"
        )
    if len({about["data"]["sha256"] for about in abouts}) > 1:
        doubts.append(
            "the runs had different data or splits: some may have been trained "
            "on images that validate here"
        )
    return doubts


def measured(
    bench: "Bench",
    folders: Sequence[RunDir],
    recipes: Sequence[Recipe],
    checkpoints: bool,
) -> list["Measured"]:
    """Each by itself."""
    from kerastricks import models
    from kerastricks.checkpoint_weights import raw_weights, read_whole
    from kerastricks.weight_soup import of_run

    parts = []
    if checkpoints:
        if recipes[0].model.freeze_bn:
            models.freeze_batch_norms(bench.model)
        paths = sorted(folders[0].checkpoints.glob("step-*"))
        if len(paths) < 2:
            raise InputError(
                "checkpoints needs a run that keeps at least two "
                "(--keep_checkpoints). "
                f"Received: {len(paths)} in {folders[0].checkpoints}"
            )
        weights = (
            (path.name, raw_weights(bench.model, read_whole(path)))
            for path in paths
        )
    else:
        weights = (
            (str(folder.path), of_run(bench.model, recipe, folder))
            for folder, recipe in zip(folders, recipes, strict=True)
        )
    for name, values in weights:
        parts.append(bench.measure(name, values))
        print(f"{name}: {parts[-1].score:.2%}", flush=True)
    return parts


def cooked(
    bench: "Bench", parts: Sequence["Measured"], choosy: bool
) -> "Measured":
    """The soup, named by how many are in it."""
    from kerastricks.weight_soup import greedy

    if choosy:
        print("greedy:", flush=True)
        soup = greedy(parts, bench.mean)
    else:
        soup = bench.mean("soup", parts)
    return dataclasses.replace(soup, name=f"soup of {len(soup.parts)}")


def table(rows: dict[str, dict[str, float]]) -> str:
    """One line for each model."""
    keys = [key for key in SHORT if told(key, next(iter(rows.values())))]
    width = max(map(len, rows))
    lines = [" " * width + "".join(f"{SHORT[key]:>9}" for key in keys)]
    for name, numbers in rows.items():
        cells = [f"{written(key, numbers[key]):>9}" for key in keys]
        lines.append(f"{name:{width}}{''.join(cells)}")
    return "\n".join(lines)


def write(
    target: pathlib.Path,
    recipe: Recipe,
    about: dict[str, Any],
    bench: "Bench",
    soup: "Measured",
    record: dict[str, Any],
) -> None:
    """The folder, whole or not at all."""
    from kerastricks.assess.findings import find
    from kerastricks.checkpoint_weights import assign
    from kerastricks.outcome import Outcome
    from kerastricks.training.saving import room_for

    model = bench.model
    assign(model, soup.weights)
    names = about["data"]["class_names"]
    findings = find(Outcome(soup.logits, bench.labels), names)
    result = findings.numbers | untrained(recipe, about, bench)
    target.parent.mkdir(parents=True, exist_ok=True)
    need_room(target.parent, room_for(model))
    with replacing(target) as partial:
        partial.mkdir()
        folder = RunDir(partial)
        model.save_weights(folder.best_weights)
        folder.record(recipe, about | {"soup": record})
        for path, content in (
            (partial / RECORD, record),
            (folder.calibration_file, findings.calibration()),
            (folder.result_file, result | {"last_top1": result["top1"]}),
        ):
            path.write_text(json_text(content), encoding="utf-8")


def untrained(
    recipe: Recipe, about: dict[str, Any], bench: "Bench"
) -> dict[str, Any]:
    """The contract's other keys; 0 for what no training has measured."""
    return {
        "images_per_second": 0.0,
        "seconds": 0.0,
        "steps": 0,
        "epochs": 0,
        "params": about["model"]["params"],
        "flops": about["model"]["flops"],
        "seed": recipe.run.seed,
        "precision": recipe.run.precision,
        "versions": versions(),
        "recipe_sha256": recipe.sha256(),
        "best_epoch": 0,
        "best_weights": "soup",
        "val_images": len(bench.labels),
        "skipped_images": len(about["data"]["skipped_images"]),
    }


if __name__ == "__main__":
    run_command(main)
