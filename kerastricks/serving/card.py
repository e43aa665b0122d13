"""The model card: what an export is, was taught, is worth and cannot do.

Made of what the run wrote down (effective.json, result.json) and of the
export's own parity.json, so that it can be made again at any time.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from kerastricks.config import Recipe
from kerastricks.files import write_text
from kerastricks.run_dir import RunDir
from kerastricks.serving import origin, worth
from kerastricks.serving.usage import usage

RECORD = "parity.json"
CARD = "model_card.md"


def model_card(
    name: str,
    recipe: Recipe,
    about: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    record: Mapping[str, Any],
) -> str:
    """Markdown.

    Args:
        name: of the run.
        about: its effective.json.
        result: its result.json, if it has one.
        record: the export's parity.json.
    """
    parts = [
        f"# {name}",
        origin.introduction(about, result, record),
        usage(about, record),
        origin.data(recipe, about),
        origin.training(recipe, about, result),
        worth.metrics(about, result, record),
        worth.parity(record),
        worth.limits(about, record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def run_card(
    recipe: Recipe,
    folder: RunDir,
    record: Mapping[str, Any],
    result: Mapping[str, Any] | None = None,
) -> str:
    """The model card of an export of this run.

    Args:
        result: the run's, if it is not written yet.
    """
    if result is None and folder.result_file.is_file():
        result = folder.read(folder.result_file)
    about = folder.read(folder.effective_file)
    name = folder.path.resolve().name
    return model_card(name, recipe, about, result, record)


def write_card(
    recipe: Recipe,
    folder: RunDir,
    export: pathlib.Path,
    result: Mapping[str, Any],
) -> None:
    """Writes the card of an export anew, with numbers it did not have."""
    record = folder.read(export / RECORD)
    write_text(export / CARD, run_card(recipe, folder, record, result))
