"""The stages of a run: data, model, training, evaluation, report, export."""

import dataclasses
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from kerastricks import build, effective, flags, teaching, trained
from kerastricks.assess.findings import Findings, find
from kerastricks.assess.image_sizes import image_sizes
from kerastricks.assess.pictures import mistakes
from kerastricks.config import Recipe
from kerastricks.data import Source
from kerastricks.errors import RunError
from kerastricks.files import json_text, write_text
from kerastricks.outcome import Outcome, judge
from kerastricks.progress import Progress
from kerastricks.report.pictures import Picture
from kerastricks.report.run_report import run_report
from kerastricks.run_dir import RunDir
from kerastricks.run_training import train
from kerastricks.serving.card import write_card
from kerastricks.serving.of_run import export_run
from kerastricks.trained import Trained
from kerastricks.training import RunState
from kerastricks.training.checkpoint import Checkpoints
from kerastricks.training.distribute import across
from kerastricks.training.history import resize_speedup
from kerastricks.versions import versions

NAMED = 10  # bad images in a line of the report


def carry_out(recipe: Recipe, folder: RunDir) -> dict[str, Any]:
    """The values of result.json."""
    splits = build.data(recipe)
    recipe = build.settle(recipe, splits)
    folder.check_same_recipe(recipe)
    checkpoints = Checkpoints(folder.checkpoints, recipe.run.keep_checkpoints)
    found = checkpoints.latest()
    with across(recipe.run.devices):
        experts = teaching.of_recipe(recipe, splits)
        learner = build.learner(recipe, splits, not found, experts)
        about = effective.describe(recipe, splits, learner)
        print(
            f"{effective.summary(about)}\nfolder     {folder.path}", flush=True
        )
        folder.check_same_data(about)
        folder.record(recipe, about)
        state = train(recipe, folder, splits, learner, checkpoints, found)
    classifier = trained.load(recipe, folder)
    outcome = judge(recipe, classifier, splits, Progress("evaluating"))
    names, sizes = splits.val.class_names, image_sizes(splits.val)
    findings = find(outcome, names, sizes)
    result = result_values(recipe, about, state, outcome, findings)
    pictures = mistakes(recipe, splits, outcome)
    write_report(
        recipe, folder, splits, state, pictures, about, result, findings
    )
    write_text(folder.calibration_file, json_text(findings.calibration()))
    if recipe.run.export:
        warmth = findings.calibrated.temperature
        classifier = dataclasses.replace(classifier, temperature=warmth)
        try:
            export(recipe, folder, classifier, splits.val, result)
        except RunError as error:  # what was trained is not lost by it
            write_text(folder.result_file, json_text(result))
            raise RunError(
                f"{error}. The run is finished all the same: {folder.path}"
            ) from error
    # Last of all: its presence says that the run is finished.
    write_text(folder.result_file, json_text(result))
    return result


def result_values(
    recipe: Recipe,
    about: dict[str, Any],
    state: RunState,
    outcome: Outcome,
    findings: Findings,
) -> dict[str, Any]:
    """The content of result.json: the contract's keys, then a few more."""
    speeds = [row["images_per_second"] for row in state.history]
    frozen = any(p["layer_groups_trained"] != "all" for p in about["phases"])
    # Epochs of the head alone are short for another reason.
    gain = None if frozen else resize_speedup(state.history)
    sizes = {} if gain is None else {"resize_speedup": round(gain, 3)}
    numbers = findings.numbers | sizes
    return numbers | {
        "images_per_second": statistics.median(speeds),
        "seconds": round(state.seconds, 2),
        "steps": state.step,
        "epochs": recipe.schedule.epochs,
        "params": about["model"]["params"],
        "flops": about["model"]["flops"],
        "seed": recipe.run.seed,
        "versions": versions(),
        "recipe_sha256": recipe.sha256(),
        "best_epoch": state.best_epoch,
        "best_weights": state.best_weights,
        "precision": recipe.run.precision,
        "last_top1": state.history[-1]["val_top1"],
        "val_images": len(outcome.labels),
        "skipped_images": len(about["data"]["skipped_images"]),
    }


def write_report(
    recipe: Recipe,
    folder: RunDir,
    splits: build.Splits,
    state: RunState,
    pictures: Sequence[Picture],
    about: dict[str, Any],
    result: dict[str, Any],
    findings: Findings,
) -> None:
    """report.html."""
    write_text(
        folder.report_file,
        run_report(
            title=folder.path.resolve().name,
            result=result,
            history=state.history,
            learning_rates=effective.learning_rates(recipe, splits, 200),
            effective=about,
            recipe_text=flags.recipe_text(recipe),
            mistakes=pictures,
            notes=[
                *left_out(splits.skipped),
                *about["warnings"],
                *findings.doubts(),
            ],
            **findings.measured(),
        ),
    )


def left_out(skipped: Sequence[str]) -> list[str]:
    """What the reader of a report must know about bad images, if anything."""
    if not skipped:
        return []
    names = ", ".join(skipped[:NAMED])
    more = ", ...; all are listed below" if len(skipped) > NAMED else ""
    return [f"bad images left out ({len(skipped)}): {names}{more}"]


def export(
    recipe: Recipe,
    folder: RunDir,
    classifier: Trained,
    source: Source,
    result: dict[str, Any],
) -> None:
    """saved_model/; after JAX, by TensorFlow in a process of its own."""
    if recipe.run.backend == "tensorflow":
        export_run(
            recipe,
            folder,
            classifier,
            folder.saved_model,
            source=source,
            result=result,
        )
        return
    command = [sys.executable, "-m", "kerastricks.export"]
    done = subprocess.run(
        [*command, f"--run_dir={folder.path}"], capture_output=True, text=True
    )
    if done.returncode:
        raise RunError(f"the export failed: {done.stderr.strip()}")
    write_card(recipe, folder, folder.saved_model, result)
