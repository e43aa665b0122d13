"""The report of an evaluation: what a model gets right, and what not."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerastricks.report import head
from kerastricks.report.comparison import Comparison, comparison, sentence
from kerastricks.report.pictures import Picture, grid
from kerastricks.report.run_report import measured_sections
from kerastricks.report.variants import raw_and_average, variants

HEAT = (
    "Each row is the picture as the model sees it, what speaks for the class "
    "that it predicts, and what speaks for the true one: the brighter, the "
    "more (Grad-CAM, arXiv:1610.02391)."
)


def evaluation_report(
    *,
    title: str,
    numbers: Mapping[str, float],
    facts: Sequence[str],
    images: int,
    measured: Mapping[str, Any],
    mistakes: Sequence[Picture] = (),
    heat: Sequence[Picture] = (),
    compared: Comparison | None = None,
    rows: Sequence[tuple[str, Mapping[str, float]]] = (),
    words: str = "",
    weights: tuple[Sequence[tuple[str, Mapping[str, float]]], str] = ((), ""),
    history: Sequence[Mapping] = (),
    notes: Sequence[str] = (),
) -> str:
    """The whole page, as a string to write in UTF-8.

    Args:
        facts: what is evaluated, for the line below the title.
        images: how many the numbers come from.
        measured: arguments of `measured_sections`.
        mistakes: pictures, worst first.
        heat: pictures of what the model looks at, three in a row each.
        compared: with another run.
        rows: (name, numbers) of several ways to predict: with and without
            test-time augmentation, or of each member and of all together.
        words: what these come to.
        weights: (rows, words) of its raw and its averaged weights.
        history: of the run, for both epoch by epoch.
    """
    classes, calibration, sizes = measured_sections(**measured)
    explained = f"<p>{HEAT}</p>{grid(heat, 'pictures triples')}" if heat else ""
    sections = [
        ("comparison", "Comparison", comparison(compared)),
        ("variants", "Side by side", variants(rows, words)),
        ("mistakes", "Worst mistakes", grid(mistakes)),
        ("heat", "What the model looks at", explained),
        classes,
        calibration,
        sizes,
        (
            "weights",
            "Raw and averaged weights",
            variants(*weights) + raw_and_average(history),
        ),
    ]
    first = [sentence(compared)] if compared else []
    return head.document(
        title,
        "Evaluation",
        [*facts, f"{images:,} images"],
        head.tile_row(numbers, images),
        [*first, *notes],
        sections,
    )
