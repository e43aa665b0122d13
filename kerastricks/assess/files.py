"""evaluation.json, predictions.csv and classes.csv."""

import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks.assess.findings import Findings
from kerastricks.evaluation import per_class
from kerastricks.evaluation.mistakes import most_confused
from kerastricks.files import json_text
from kerastricks.outcome import Outcome
from kerastricks.report.comparison import Comparison, sentence

# Above this many classes the matrix would be most of the file, and mostly 0.
MATRIX_CLASSES = 100
PAIRS = 100


def evaluation_json(
    about: Mapping[str, Any],
    found: Findings,
    rows: Sequence[tuple[str, Mapping[str, float]]],
    weights: Sequence[tuple[str, Mapping[str, float]]],
    compared: Comparison | None,
) -> str:
    """Everything in numbers.

    Args:
        about: what was evaluated.
        rows: (name, numbers) of each way to predict, if there are several.
        weights: the same of the raw and the averaged weights.
    """
    content = {
        **about,
        "numbers": found.numbers,
        "side_by_side": dict(rows) if len(rows) > 1 else {},
        "raw_and_average": dict(weights),
        "classes": class_rows(found),
        "reliability": {
            "as_it_is": dataclasses.asdict(found.reliability),
            "calibrated": dataclasses.asdict(found.calibrated.reliability),
        },
        "by_size": [dataclasses.asdict(part) for part in found.by_size],
        "by_class": [dataclasses.asdict(part) for part in found.by_class],
        **confusions(found),
        "comparison": compared and comparison_values(compared),
    }
    return json_text(content)


def confusions(found: Findings) -> dict[str, Any]:
    """The matrix, of few classes, and its largest entries."""
    if found.confusion is None:
        return {}
    pairs = most_confused(found.confusion, found.class_names, PAIRS)
    heads = ("is", "predicted", "count")
    content: dict[str, Any] = {
        "most_confused": [dict(zip(heads, one, strict=True)) for one in pairs]
    }
    if len(found.class_names) <= MATRIX_CLASSES:
        content["confusion"] = found.confusion
    return content


def comparison_values(compared: Comparison) -> dict[str, Any]:
    """Who is compared, by how much they differ, and what that means."""
    heads = ("both_right", "only_a", "only_b", "both_wrong")
    return {
        "a": compared.names[0],
        "b": compared.names[1],
        "top1_difference": dataclasses.asdict(compared.difference),
        **dict(zip(heads, compared.counts, strict=True)),
        "verdict": sentence(compared),
    }


def class_rows(found: Findings) -> list[dict[str, Any]]:
    """One row a class, for classes.csv."""
    several = found.label_scores is not None
    scores: Any = (
        found.label_scores if several else per_class(np.array(found.confusion))
    )
    columns = {
        "class": list(found.class_names),
        "images": scores.support.tolist(),
        "precision": scores.precision.tolist(),
        "recall": scores.recall.tolist(),
        "f1": scores.f1.tolist(),
    }
    if several:
        columns["average_precision"] = scores.average_precision.tolist()
    if found.thresholds is not None:
        threshold, f1 = found.thresholds
        columns |= {
            "threshold": threshold.tolist(),
            "f1_at_threshold": f1.tolist(),
        }
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]


def prediction_rows(
    outcome: Outcome, class_names: Sequence[str], names: Sequence[str]
) -> Iterable[dict[str, Any]]:
    """One row an image, for predictions.csv.

    With several labels `label` has all of them, `predicted` all above one half,
    and `probability` is that of the best.
    """
    chances, right, losses = (
        outcome.probabilities,
        outcome.right,
        outcome.losses,
    )
    for place, name in enumerate(names):
        row, label = chances[place], outcome.labels[place]
        if outcome.multi_label:
            truth = np.flatnonzero(label)
            said = np.flatnonzero(row > 0.5)
        else:
            truth, said = np.array([label]), np.array([row.argmax()])
        yield {
            "name": name,
            "label": ";".join(class_names[int(i)] for i in truth),
            "predicted": ";".join(class_names[int(i)] for i in said),
            "probability": f"{row.max():.6g}",
            "loss": f"{losses[place]:.6g}",
            "right": int(right[place]),
        }


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """A table with a head; what UTF-8 cannot write becomes a "?"."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "replace").decode("utf-8")
