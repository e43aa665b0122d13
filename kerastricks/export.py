"""python -m kerastricks.export --run_dir=DIR [--format=litert,onnx]

Writes the run's best weights as a SavedModel, by default into its saved_model/
folder, and other formats beside it. Each file is read anew and held against
evaluation on validation images; if one differs, nothing is written. What came
of it is in parity.json, and model_card.md tells what the model is and how to
use it. It is always TensorFlow that writes, whatever backend trained. With
--tta=flip (fivecrop, tencrop, multiscale) the SavedModel looks at several views
of each picture by itself: docs/tta.md has their price.
"""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from kerastricks import flags, run_dir, view_flags
from kerastricks.command import run_command
from kerastricks.errors import InputError
from kerastricks.hardware import choose_backend
from kerastricks.predict import TOP_K
from kerastricks.run_dir import RunDir, open_run
from kerastricks.serving.formats import Format, need_packages, parse_formats
from kerastricks.serving.versions import version_folder
from kerastricks.targets import free_folder, writable

OUTPUT = flags.Flag("output", "", "folder to write; empty: RUN_DIR/saved_model")
FORMAT = flags.Flag(
    "format",
    "savedmodel",
    "savedmodel, litert, litert_int8, onnx, with commas between; savedmodel "
    "is always written",
)
VERSION = flags.Flag(
    "version",
    "",
    "write a version folder for TensorFlow Serving, OUTPUT/1 say: its number, "
    "or auto for the next; empty: OUTPUT itself",
)
TTA = flags.Flag(
    "tta",
    "",
    "test-time augmentation in the files: flip, fivecrop, tencrop, "
    "multiscale or multiscale=A/B/...; empty: none",
)
PARITY_IMAGES = flags.Flag(
    "parity_images",
    64,
    "validation images that the files are held against evaluation on; 0: none",
)
INT8_TOLERANCE = flags.Flag(
    "int8_tolerance",
    0.1,
    "by how much a probability of litert_int8 may differ, and for which share "
    "of the images its best class may",
)
FLAGS = (
    *(run_dir.FLAG, OUTPUT, FORMAT, VERSION, TOP_K),
    *(TTA, *view_flags.COMBINED, PARITY_IMAGES, INT8_TOLERANCE),
)


def main(argv: Sequence[str]) -> None:
    """Exports, and says what is where."""
    values = flags.parse_alone("export", argv, __doc__, FLAGS)
    check(values)
    formats = parse_formats(values["format"])
    need_packages(formats)
    folder = open_run(values["run_dir"])
    recipe = folder.recipe()
    target = target_of(values, folder)
    choose_backend("tensorflow")

    from kerastricks import trained
    from kerastricks.serving.of_run import export_run
    from kerastricks.serving.saved_model import PLAIN

    record = export_run(
        recipe,
        folder,
        trained.load(recipe, folder),
        target,
        version=values["version"],
        formats=formats,
        top_k=values["top_k"],
        tta=view_flags.tta(values) or PLAIN,
        parity_images=values["parity_images"],
        int8_tolerance=values["int8_tolerance"],
    )
    # Another number than was free then, if somebody was faster.
    print(told(target.with_name(record["folder"]), formats, record))


def check(values: Mapping[str, Any]) -> None:
    """Refuses what is no number of its kind, or says nothing."""
    for name, least in (("top_k", 1), ("parity_images", 0)):
        if values[name] < least:
            raise InputError(
                f"{name} must be at least {least}. "
                f"Received: {name}={values[name]}"
            )
    if not 0 < values["int8_tolerance"] <= 1:
        raise InputError(
            "int8_tolerance must be above 0 and at most 1. "
            f"Received: int8_tolerance={values['int8_tolerance']}"
        )
    if values["version"] and not values["output"]:
        raise InputError(
            "version folders need --output=DIR, the folder that they are in. "
            f"Received: version={values['version']}, output="
        )
    view_flags.refuse_idle(values)


def target_of(values: Mapping[str, Any], folder: RunDir) -> pathlib.Path:
    """The folder to write."""
    output = values["output"] or folder.saved_model
    if values["version"]:
        return version_folder(writable(output), values["version"])
    return free_folder(output, "saved_model.pb", "a SavedModel")


def told(
    target: pathlib.Path, formats: Sequence[Format], record: Mapping[str, Any]
) -> str:
    """What there is now, line by line."""
    views = record["views"]
    price = f", {views} views a picture ({record['tta']})" * (views > 1)
    lines = [
        f"{one.title:<12}{target / one.file}"
        f"  {told_of['bytes'] / 1e6:,.1f} MB{price}"
        for one, told_of in zip(formats, record["formats"], strict=True)
    ]
    for check in record["checks"]:
        lines.append(
            f"parity      {check['what']}: {check['top1_equal']} of "
            f"{check['images']} images with the same best class, "
            f"probabilities within {check['largest']:.1e}"
        )
    if not record["checks"]:
        lines.append(f"parity      not checked: {record['why_not']}")
    return "\n".join([*lines, f"model card  {target / 'model_card.md'}"])


if __name__ == "__main__":
    # Before anything imports Keras; the training's backend does not matter.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    run_command(main)
