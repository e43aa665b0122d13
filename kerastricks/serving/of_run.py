"""The export of a run: its data to check by, its numbers for the card."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from kerastricks import build
from kerastricks.config import Recipe
from kerastricks.data import Source
from kerastricks.errors import InputError
from kerastricks.evaluation.tta import Tta
from kerastricks.run_dir import RunDir
from kerastricks.serving.card import run_card
from kerastricks.serving.formats import LITERT_INT8, SAVED_MODEL, Format
from kerastricks.serving.places import without_data
from kerastricks.serving.sample import calibration_squares, take_sample
from kerastricks.serving.saved_model import PLAIN
from kerastricks.serving.write import INT8_TOLERANCE, Evidence, write_export
from kerastricks.trained import Trained

PARITY_IMAGES = 64
UNWANTED = "--parity_images=0"


def export_run(
    recipe: Recipe,
    folder: RunDir,
    classifier: Trained,
    path: pathlib.Path,
    *,
    version: str = "",
    source: Source | None = None,
    result: Mapping[str, Any] | None = None,
    formats: Sequence[Format] = (SAVED_MODEL,),
    top_k: int = 5,
    tta: Tta = PLAIN,
    parity_images: int = PARITY_IMAGES,
    int8_tolerance: float = INT8_TOLERANCE,
) -> dict[str, Any]:
    """Writes all formats; gives what is in parity.json.

    Args:
        version: as `write_export` takes it.
        source: validation images, if they are open already.
        result: the run's, if it is not written yet.
        parity_images: how many to check the files by; 0: none.
    """

    def gather() -> Evidence:
        return evidence(recipe, classifier, source, formats, tta, parity_images)

    return write_export(
        classifier,
        path,
        card=lambda record: run_card(recipe, folder, record, result),
        gather=gather,
        version=version,
        formats=formats,
        top_k=top_k,
        tta=tta,
        int8_tolerance=int8_tolerance,
    )


def evidence(
    recipe: Recipe,
    classifier: Trained,
    source: Source | None,
    formats: Sequence[Format],
    tta: Tta,
    parity_images: int,
) -> Evidence:
    """The images to check by and to calibrate by, as far as there are any."""
    calibrated = LITERT_INT8 in formats
    if not (parity_images or calibrated):
        return Evidence(why_not=UNWANTED)
    try:
        source = whole(recipe, source)
    except InputError as error:
        if calibrated:
            raise
        why = without_data(str(error), recipe.data.data)
        return Evidence(why_not=f"the run's data is not there ({why})")
    sample = squares = None
    if parity_images:
        sample = take_sample(recipe, classifier, source, parity_images, tta)
    if calibrated:
        squares = calibration_squares(recipe, classifier, source, parity_images)
    return Evidence(sample, "" if parity_images else UNWANTED, squares)


def whole(recipe: Recipe, source: Source | None) -> Source:
    """Validation images as they came, not the squares that a cache keeps."""
    if source is None or source.square:
        return build.evaluation_data(recipe).val
    return source
