"""All formats of a classifier in one folder, proven and described."""

import contextlib
import dataclasses
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks.evaluation.tta import Tta
from kerastricks.files import json_text, partial_name, replacing
from kerastricks.serving import litert, onnx_file, versions
from kerastricks.serving.card import CARD, RECORD
from kerastricks.serving.formats import (
    LITERT,
    LITERT_INT8,
    ONNX,
    SAVED_MODEL,
    Format,
)
from kerastricks.serving.of_squares import refuse_views
from kerastricks.serving.ops import refuse_foreign
from kerastricks.serving.parity import check_all, refuse_broken
from kerastricks.serving.sample import Sample
from kerastricks.serving.saved_model import PLAIN, folded, refuse_random, save
from kerastricks.trained import Trained
from kerastricks.views import refuse_sides

INT8_TOLERANCE = 0.1

Card = Callable[[Mapping[str, Any]], str]


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Validation images.

    Args:
        sample: what the files are held against; None for no check.
        why_not: what to say then.
        calibration: uint8 [N, S, S, 3] squares that int8 needs.
    """

    sample: Sample | None = None
    why_not: str = ""
    calibration: np.ndarray | None = None


def write_export(
    classifier: Trained,
    path: pathlib.Path,
    *,
    card: Card,
    gather: Callable[[], Evidence] = Evidence,
    version: str = "",
    formats: Sequence[Format] = (SAVED_MODEL,),
    top_k: int = 5,
    tta: Tta = PLAIN,
    int8_tolerance: float = INT8_TOLERANCE,
) -> dict[str, Any]:
    """The record that is written to parity.json.

    Args:
        card: makes the model card of the record.
        gather: brings the images, once it is known that they are needed.
        version: that the path is a folder of: it replaces nothing then, and
            `auto` takes the next number where this one is taken by now.
        int8_tolerance: by how much probabilities of an int8 file may differ,
            and of which share of images the best class.
    """
    refuse(classifier, formats, tta)
    evidence = gather()
    with making(path) as partial:
        network = folded(classifier)
        save(network, partial, top_k, tta)
        refuse_foreign(partial)
        for one in formats:
            write_format(
                one, network, partial, top_k, tta, evidence.calibration
            )
        sample = evidence.sample
        checks = (
            check_all(partial, classifier, sample, formats, int8_tolerance)
            if sample
            else []
        )
        refuse_broken(checks)
        record = {
            **facts(classifier, top_k, tta),
            "formats": [described(one, partial) for one in formats],
            "checks": [dataclasses.asdict(one) for one in checks],
            "why_not": evidence.why_not,
        }
        return landed(partial, path, version, record, card)


@contextlib.contextmanager
def making(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A hidden folder beside the path, which is gone afterwards."""
    partial = partial_name(path)
    try:
        partial.mkdir(parents=True)  # which says it best if it cannot be
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def landed(
    partial: pathlib.Path,
    path: pathlib.Path,
    version: str,
    record: dict[str, Any],
    card: Card,
) -> dict[str, Any]:
    """Gives the folder its name, which record and card tell."""
    if not version:
        record = describe(partial, path, record, card)
        with replacing(path) as spot:
            partial.rename(spot)
        return record
    for folder in versions.candidates(path, version):
        found = describe(partial, folder, record, card)
        if versions.moved(partial, folder):
            return found
    raise versions.taken(path)


def describe(
    partial: pathlib.Path,
    path: pathlib.Path,
    record: dict[str, Any],
    card: Card,
) -> dict[str, Any]:
    """Writes record and card of what will have this path."""
    record = {"folder": path.name, **record}
    text = json_text(record)
    (partial / RECORD).write_text(text, encoding="utf-8")
    (partial / CARD).write_text(card(record), encoding="utf-8")
    return record


def refuse(classifier: Trained, formats: Sequence[Format], tta: Tta) -> None:
    """Views that cannot be had, before there is any work done."""
    refuse_random(tta)
    refuse_views(formats, tta)
    refuse_sides(classifier, tta)


def write_format(
    one: Format,
    network: Trained,
    folder: pathlib.Path,
    top_k: int,
    tta: Tta,
    calibration: np.ndarray | None,
) -> None:
    """One of the files beside the SavedModel."""
    path = folder / one.file
    if one == ONNX:
        onnx_file.write_onnx(network, path, top_k, tta)
    elif one == LITERT:
        litert.write_litert(network, path, top_k, tta)
    elif one == LITERT_INT8:
        if calibration is None:
            raise ValueError(
                f"int8 needs calibration squares. Received: format={one.name}"
            )
        litert.write_litert(network, path, top_k, tta, calibration)


def facts(classifier: Trained, top_k: int, tta: Tta) -> dict[str, Any]:
    """What one must know to use the files."""
    squares = classifier.squares
    return {
        "image_size": squares.size,
        "eval_crop": squares.eval_crop,
        "interpolation": squares.eval_filter(),
        "multi_label": classifier.multi_label,
        "temperature": classifier.temperature,
        "top_k": min(top_k, len(classifier.class_names)),
        "tta": tta.kind,
        "tta_of": tta.of,
        "tta_by": tta.by,
        "views": len(tta.views),
    }


def described(one: Format, folder: pathlib.Path) -> dict[str, Any]:
    """Its name, file and size."""
    files = (
        [folder / one.file]
        if one.file
        else [folder / "saved_model.pb", *(folder / "variables").iterdir()]
    )
    return {
        "name": one.name,
        "title": one.title,
        "file": one.file,
        "bytes": sum(file.stat().st_size for file in files),
    }
