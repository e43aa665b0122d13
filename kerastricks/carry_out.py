"""The stages of a run: data, model, training, evaluation, report, export."""

import importlib.metadata
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import kerastricks
from kerastricks import build, effective, flags, teaching, trained
from kerastricks.config import Recipe
from kerastricks.errors import RunError
from kerastricks.evaluation import (
    confusion_matrix,
    label_reliability,
    label_scores,
    reliability_bins,
    summarize,
)
from kerastricks.files import write_text
from kerastricks.outcome import Outcome, judge, mistakes
from kerastricks.report.run_report import run_report
from kerastricks.run_dir import RunDir
from kerastricks.run_training import train
from kerastricks.serving import write_saved_model
from kerastricks.trained import Trained
from kerastricks.training import RunState
from kerastricks.training.checkpoint import Checkpoints

NAMED = 10  # bad images in a line of the report


def carry_out(recipe: Recipe, folder: RunDir) -> dict[str, Any]:
    """The values of result.json."""
    splits = build.data(recipe)
    recipe = build.settle(recipe, splits)
    folder.check_same_recipe(recipe)
    checkpoints = Checkpoints(folder.checkpoints, recipe.run.keep_checkpoints)
    found = checkpoints.latest()
    experts = teaching.of_recipe(recipe, splits)
    learner = build.learner(recipe, splits, not found, experts)
    about = effective.describe(recipe, splits, learner)
    print(f"{effective.summary(about)}\nfolder     {folder.path}", flush=True)
    folder.check_same_data(about)
    folder.record(recipe, about)
    state = train(recipe, folder, splits, learner, checkpoints, found)
    classifier = trained.load(recipe, folder)
    outcome = judge(recipe, classifier, splits)
    result = result_values(recipe, about, state, outcome)
    write_report(recipe, folder, splits, state, outcome, about, result)
    if recipe.run.export:
        export(recipe, folder, classifier)
    # Last of all: its presence says that the run is finished.
    write_text(folder.result_file, json.dumps(result, indent=1))
    return result


def result_values(
    recipe: Recipe, about: dict[str, Any], state: RunState, outcome: Outcome
) -> dict[str, Any]:
    """The content of result.json: the contract's keys, then a few more."""
    speeds = [row["images_per_second"] for row in state.history]
    return summarize(outcome.logits, outcome.labels) | {
        "images_per_second": sorted(speeds)[len(speeds) // 2],
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
        "last_top1": state.history[-1]["val_top1"],
        "val_images": len(outcome.labels),
        "skipped_images": len(about["data"]["skipped_images"]),
    }


def versions() -> dict[str, str]:
    """Of everything that the numbers may depend on."""
    names = ("keras", "tensorflow", "tensorflow-cpu", "jax", "numpy")
    found = {"kerastricks": kerastricks.__version__}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | {"python": platform.python_version()}


def write_report(
    recipe: Recipe,
    folder: RunDir,
    splits: build.Splits,
    state: RunState,
    outcome: Outcome,
    about: dict[str, Any],
    result: dict[str, Any],
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
            class_names=splits.train.class_names,
            mistakes=mistakes(recipe, splits, outcome),
            notes=[*left_out(splits.skipped), *about["warnings"]],
            **by_class(outcome),
        ),
    )


def left_out(skipped: Sequence[str]) -> list[str]:
    """What the reader of a report must know about bad images, if anything."""
    if not skipped:
        return []
    names = ", ".join(skipped[:NAMED])
    more = ", ...; all are listed below" if len(skipped) > NAMED else ""
    return [f"bad images left out ({len(skipped)}): {names}{more}"]


def by_class(outcome: Outcome) -> dict[str, Any]:
    """The report's arrays on classes and calibration."""
    logits, labels = outcome.logits, outcome.labels
    if outcome.multi_label:
        return {
            "confusion": None,
            "label_scores": label_scores(logits, labels),
            "reliability": label_reliability(logits, labels),
        }
    return {
        "confusion": confusion_matrix(
            labels, logits.argmax(axis=1), logits.shape[1]
        ),
        "reliability": reliability_bins(outcome.probabilities, labels),
    }


def export(recipe: Recipe, folder: RunDir, classifier: Trained) -> None:
    """saved_model/; after JAX, by TensorFlow in a process of its own."""
    if recipe.run.backend == "tensorflow":
        write_saved_model(classifier, folder.saved_model)
        return
    command = [sys.executable, "-m", "kerastricks.export"]
    done = subprocess.run(
        [*command, f"--run_dir={folder.path}"], capture_output=True, text=True
    )
    if done.returncode:
        raise RunError(f"the export failed: {done.stderr.strip()}")
