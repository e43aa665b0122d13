"""The command `evaluate`: ask, measure, print, write."""

import csv
import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from kerastricks.assess import files, pictures
from kerastricks.assess.beside import Rows, comparison, side_by_side
from kerastricks.assess.findings import Findings, find
from kerastricks.assess.image_sizes import image_sizes
from kerastricks.assess.runs import Asked, ask_all, together
from kerastricks.assess.table import table
from kerastricks.assess.weights import raw_and_average
from kerastricks.errors import InputError
from kerastricks.evaluation import top_losses
from kerastricks.evaluation.tta import Tta
from kerastricks.files import write_text
from kerastricks.outcome import Outcome
from kerastricks.report.comparison import Comparison, sentence
from kerastricks.report.evaluation_report import evaluation_report
from kerastricks.report.pictures import Picture
from kerastricks.run_dir import RunDir


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """All that there is to tell.

    Args:
        asked: the runs.
        outcome: of all of them together.
        rows: (name, numbers) of each way to predict, if there are several.
        words: what these come to.
        weights: the same of the run's raw and averaged weights.
    """

    asked: Sequence[Asked]
    data: str
    tta: Tta | None
    outcome: Outcome
    found: Findings
    rows: Rows
    words: str
    weights: tuple[Rows, str]
    compared: Comparison | None

    def doubts(self) -> list[str]:
        """What a reader of the numbers must know, if anything."""
        own = [one.doubt for one in self.asked if one.doubt]
        return [*self.found.doubts(), *own]


def evaluate(
    folders: Sequence[RunDir],
    other: RunDir | None,
    *,
    data: str,
    tta: Tta | None,
    output: pathlib.Path,
    grad_cam: int,
    grad_cam_images: Sequence[str],
) -> Evaluated:
    """Of one run, or of the average of several: measures, prints and writes.

    Args:
        other: a run to compare with.
        data: other than the runs', if given.
        output: folder for the files.
        grad_cam: how many mistakes to show what speaks for.
        grad_cam_images: ends of the names of images, instead.
    """
    asked = ask_all(folders, data, tta)
    first, outcome = asked[0], together(asked)
    places = chosen(first, outcome, grad_cam, grad_cam_images)
    stored = first.stored if outcome is first.plain else None
    val = first.splits.val
    found = find(outcome, val.class_names, image_sizes(val), stored)
    rows, words = side_by_side(asked, found, tta)
    weights = raw_and_average(first) if len(asked) == 1 else ([], "")
    compared = comparison(asked, outcome, other, data, tta)
    all_of_it = Evaluated(
        asked, data, tta, outcome, found, rows, words, weights, compared
    )
    tell(all_of_it)
    write(output, texts(all_of_it, places))
    kind = "images" if data else "validation images"
    print(f"on {len(outcome.labels):,} {kind}; see {output}")
    return all_of_it


def tell(one: Evaluated) -> None:
    """Prints the table, and what it means."""
    print(table(one.rows or [("", one.found.numbers)]))
    said = (one.words, one.weights[1], one.compared and sentence(one.compared))
    for line in (*said, *one.doubts()):
        if line:
            print(line)


def texts(one: Evaluated, places: Sequence[int]) -> dict[str, str]:
    """The content of each file.

    Args:
        places: of the images to show what speaks for them.
    """
    val = one.asked[0].splits.val
    about = {
        "runs": [str(run.folder.path) for run in one.asked],
        "data": one.data or one.asked[0].recipe.data.data,
        "images": len(one.outcome.labels),
        "tta": one.tta.kind if one.tta else "",
        "tta_of": one.tta.of if one.tta else "",
        "tta_by": one.tta.by if one.tta else "",
        "verdict": one.words,
    }
    predictions = files.prediction_rows(one.outcome, val.class_names, val.names)
    return {
        "report.html": page(one, places),
        "evaluation.json": files.evaluation_json(
            about, one.found, one.rows, one.weights[0], one.compared
        ),
        "predictions.csv": files.csv_text(predictions),
        "classes.csv": files.csv_text(files.class_rows(one.found)),
    }


def page(one: Evaluated, places: Sequence[int]) -> str:
    """report.html"""
    first = one.asked[0]
    heat, notes = heated(first, one.outcome, places)
    return evaluation_report(
        title=" + ".join(run.name for run in one.asked),
        numbers=one.found.numbers,
        facts=facts(one.asked, one.data, one.tta),
        images=len(one.outcome.labels),
        measured=one.found.measured(),
        mistakes=pictures.mistakes(first.recipe, first.splits, one.outcome),
        heat=heat,
        compared=one.compared,
        rows=one.rows,
        words=one.words,
        weights=one.weights,
        history=[] if len(one.asked) > 1 else history(first.folder),
        notes=[*notes, *one.doubts()],
    )


def chosen(
    asked: Asked, outcome: Outcome, count: int, wanted: Sequence[str]
) -> list[int]:
    """Places of the images to look into: those named, or the worst mistakes."""
    if not wanted:
        found = top_losses(outcome.logits, outcome.labels, count)
        return [int(place) for place in found]
    names = asked.splits.val.names
    places = []
    for end in wanted:
        match = [i for i, name in enumerate(names) if str(name).endswith(end)]
        if not match:
            raise InputError(
                "grad_cam_images must be ends of the names of validation "
                f"images, such as {names[0]}. Received: {end}"
            )
        places += match
    return places


def heated(
    asked: Asked, outcome: Outcome, places: Sequence[int]
) -> tuple[list[Picture], list[str]]:
    """What the (first) model looks at, or a note why that cannot be told."""
    try:
        return (
            pictures.heat(
                asked.recipe, asked.classifier, asked.splits, outcome, places
            ),
            [],
        )
    except ValueError as error:  # no feature map: a transformer, say
        return [], [f"no Grad-CAM: {error}"]


def facts(asked: Sequence[Asked], data: str, tta: Tta | None) -> list[str]:
    """What is evaluated, for the line below the title."""
    first = asked[0]
    told = [data or first.recipe.data.data, f"{first.splits.image_size} px"]
    if len(asked) > 1:
        told.append(f"{len(asked)} runs averaged")
    if tta:
        told.append(
            f"{tta.kind}: {len(tta.views)} views, the {tta.by} of {tta.of}"
        )
    return told


def history(folder: RunDir) -> list[dict[str, float]]:
    """The run's metrics.csv, if it has one."""
    if not folder.metrics_file.is_file():
        return []
    with open(folder.metrics_file, encoding="utf-8", newline="") as file:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]


def write(folder: pathlib.Path, texts: Mapping[str, Any]) -> None:
    """The files; the folder is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text)
    except OSError as error:
        raise InputError(
            "output must be a folder that can be written to "
            f"({error.strerror}). Received: output={folder}"
        ) from None
