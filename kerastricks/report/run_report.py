"""The report of a run: one HTML file that needs nothing beside it.

A pure function of what the run measured, so equal runs give equal bytes.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from kerastricks.evaluation.metrics import Reliability
from kerastricks.evaluation.multi_label import LabelScores
from kerastricks.evaluation.slices import Slice
from kerastricks.report import head, page
from kerastricks.report.calibration import (
    CLAIMS,
    LABEL_CLAIMS,
    Calibrated,
    calibration,
)
from kerastricks.report.classes import classes
from kerastricks.report.curves import curves
from kerastricks.report.label_table import label_table
from kerastricks.report.pictures import Picture, grid, mislabelled, mistake
from kerastricks.report.slice_bars import slice_bars
from kerastricks.report.variants import raw_and_average

__all__ = [
    "Picture",
    "measured_sections",
    "mislabelled",
    "mistake",
    "run_report",
]

REPLAY = "python -m kerastricks.train --flagfile=recipe.flags --run_dir=NEW"
# The keys of result.json that have a place of their own on the page.
PLACED = (
    frozenset(key for _, key, _, _ in head.TILES)
    | head.BESIDE
    | frozenset("steps epochs seed versions recipe_sha256".split())
)


def run_report(
    *,
    title: str,
    result: dict,
    history: list[dict],
    learning_rates: list[tuple[float, float]],
    effective: dict,
    recipe_text: str,
    class_names: Sequence[str],
    confusion: np.ndarray | None,
    reliability: Reliability | None,
    mistakes: Sequence[Picture],
    label_scores: LabelScores | None = None,
    calibrated: Calibrated | None = None,
    by_size: Sequence[Slice] = (),
    thresholds: tuple[np.ndarray, np.ndarray] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """The whole page, as a string to write in UTF-8.

    Args:
        title: the name of the run.
        result: what `result.json` holds; unknown keys are listed too.
        history: one row per epoch: epoch, step, learning_rate, loss, top1,
            val_loss, val_top1, val_top5, images_per_second, seconds. Any may
            be missing; NaN is a gap.
        learning_rates: (epoch, learning rate) along the whole schedule.
        effective: what really applied, as nested dicts and lists.
        recipe_text: the flagfile that replays the run.
        class_names: C names.
        confusion: int [C, C], rows are the truth.
        reliability: from `reliability_bins`, or `label_reliability`.
        mistakes: pictures, worst first.
        label_scores: instead of `confusion`, where images have several
            classes or none.
        calibrated: what a temperature makes of it.
        by_size: top-1 over parts of the images.
        thresholds: (the best one of each class, F1 at these) beside
            `label_scores`.
        notes: what a reader must know before the numbers.
    """
    measured = measured_sections(
        class_names=class_names,
        confusion=confusion,
        label_scores=label_scores,
        reliability=reliability,
        calibrated=calibrated,
        by_size=by_size,
        thresholds=thresholds,
    )
    sections = [
        ("curves", "Curves", curves(history, learning_rates)),
        ("weights", "Raw and averaged weights", raw_and_average(history)),
        *measured,
        ("mistakes", "Worst mistakes", grid(mistakes)),
        ("recipe", "Recipe", recipe(recipe_text)),
        ("applied", "What applied", page.facts(effective)),
        ("versions", "Versions", versions(result)),
    ]
    images = 0 if confusion is None else int(np.sum(confusion))
    tiles = head.tile_row(result, images or result.get("val_images", 0))
    return head.document(
        title, "Training run", facts(result), tiles, notes, sections
    )


def measured_sections(
    *,
    class_names: Sequence[str],
    confusion: np.ndarray | None,
    label_scores: LabelScores | None,
    reliability: Reliability | None,
    calibrated: Calibrated | None = None,
    by_size: Sequence[Slice] = (),
    thresholds: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[head.Section]:
    """What both pages, a run's and an evaluation's, say of the outcome."""
    if label_scores is None:
        by_name, words = classes(confusion, class_names), CLAIMS
    else:
        by_name = label_table(label_scores, class_names, thresholds)
        words = LABEL_CLAIMS
    calibrations = calibration(reliability, words, calibrated)
    return [
        ("classes", "Classes", by_name),
        ("calibration", "Calibration", calibrations),
        ("sizes", "Image sizes", slice_bars(by_size, "image size")),
    ]


def facts(result: Mapping) -> list[str]:
    """Epochs, steps, seed and recipe, for the line below the title."""
    found = [
        f"{page.number(result[key])} {key if result[key] != 1 else key[:-1]}"
        for key in ("epochs", "steps")
        if result.get(key) is not None
    ]
    if result.get("seed") is not None:
        found.append(f"seed {result['seed']}")
    if result.get("recipe_sha256"):
        found.append(f"recipe {str(result['recipe_sha256'])[:12]}")
    return found


def recipe(text: str) -> str:
    if not text:
        return ""
    flags = page.details("recipe.flags", f"<pre>{escape(text)}</pre>")
    command = f'<pre class="command">{escape(REPLAY)}</pre>'
    return f"<p>Replay this run:</p>{command}{flags}"


def versions(result: Mapping) -> str:
    """Versions, the recipe's hash, and every result without a place above."""
    known = dict(result.get("versions") or {})
    if result.get("recipe_sha256"):
        known["recipe sha256"] = result["recipe_sha256"]
    rest = {k: v for k, v in result.items() if k not in PLACED}
    if rest:
        known["other results"] = rest
    return page.facts(known)
