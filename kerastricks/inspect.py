"""python -m kerastricks.inspect --data=folder:PATH [--run_dir=RUN]

Tells what is in the data before you train on it, and what is suspicious:
counts, sizes, colours, files that cannot be read, images that occur twice, in
one split or in both, exactly or nearly. With a finished run also the labels
that it doubts. Writes a page with pictures, inspect.html, and the numbers
beside it, inspect.json; prints what matters, each with what to do about it.
"""

import pathlib
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.files import json_text, write_text
from kerastricks.hardware import choose_backend
from kerastricks.pack import opened
from kerastricks.progress import Progress
from kerastricks.run_dir import open_run
from kerastricks.targets import writable_file

if TYPE_CHECKING:
    from kerastricks.data.inspection import Survey

# These mean what they mean in training.
RECIPE_KNOBS = (
    "image_key",
    "label_key",
    "val_fraction",
    "exif",
    "max_pixels",
    "seed",
)
DATA = flags.Flag(
    "data",
    "",
    "shapes | folder:PATH | tfds:NAME | tfrecord:GLOB | csv:FILE | "
    "arrays:FILE.npz; empty: the run's",
)
RUN_DIR = flags.Flag(
    "run_dir", "", "a finished run, to find labels that it doubts"
)
OUTPUT = flags.Flag(
    "output",
    "",
    "page to write; empty: inspect.html, here or in the folder of the run",
)
SAMPLE = flags.Flag(
    "sample", 50_000, "images of each split to look at; 0: all of them"
)
FLAGS = (
    DATA,
    RUN_DIR,
    OUTPUT,
    SAMPLE,
    *(flag for flag in flags.RECIPE_FLAGS if flag.name in RECIPE_KNOBS),
)


def main(argv: Sequence[str]) -> None:
    """Looks, writes and prints."""
    values = flags.parse_alone("inspect", argv, __doc__, FLAGS)
    check(values)
    page = writable_file(target(values))
    recipe = recipe_of(values)
    surveys = look(recipe, values["sample"], bool(values["run_dir"]))

    from kerastricks.data.inspection import advice, duplicates, findings

    facts = [one for survey in surveys.values() for one in survey.facts]
    found = findings(surveys, duplicates(facts, Progress("comparing")))
    if values["run_dir"]:
        found["suspects"] = doubts(recipe, values["run_dir"], surveys)
    found = {"data": recipe.data.data, **found, "advice": advice(found)}
    numbers = page.with_suffix(".json")
    write_text(numbers, json_text(found))
    write_text(page, draw(recipe, found, surveys))
    tell(found)
    print(f"page     {page}\nnumbers  {numbers}")


def check(values: Mapping[str, Any]) -> None:
    """Refuses what makes no sense before anything is read."""
    if values["sample"] < 0:
        raise InputError(
            "sample must be at least 0 (all images). "
            f"Received: sample={values['sample']}"
        )
    if target(values).suffix not in (".html", ".htm"):
        raise InputError(
            "output must be a page, FILE.html; the numbers go to FILE.json. "
            f"Received: output={values['output']}"
        )
    if not values["data"] and not values["run_dir"]:
        raise InputError(
            "inspect needs --data=, or --run_dir= for the data of a run. "
            "Received: neither"
        )


def target(values: Mapping[str, Any]) -> pathlib.Path:
    """The page's path."""
    here = pathlib.Path(values["run_dir"], "inspect.html")
    return pathlib.Path(values["output"] or here).expanduser()


def recipe_of(values: Mapping[str, Any]) -> Recipe:
    """The run's recipe, or the default one, with what was typed."""
    typed = {flag.name: flag.default for flag in FLAGS}
    typed = {
        name: values[name]
        for name in ("data", *RECIPE_KNOBS)
        if values[name] != typed[name]
    }
    if not values["run_dir"]:
        return Recipe(**typed).validate()
    return open_run(values["run_dir"]).recipe().replace(**typed).validate()


def look(recipe: Recipe, sample: int, has_run: bool) -> dict[str, "Survey"]:
    """Opens the data and looks at each split, training first."""
    if has_run:
        choose_backend(recipe.run.backend)

    import tensorflow as tf

    from kerastricks.data.inspection import survey

    if not has_run:  # whoever trains may have it all
        tf.config.set_visible_devices([], "GPU")
    splits = opened(recipe, any_classes=True)
    return {
        name: survey(
            splits[name],
            sample=sample,
            seed=recipe.run.seed,
            exif=recipe.data.exif,
            max_pixels=recipe.data.max_pixels,
            progress=Progress(f"looking at {name}"),
        )
        for name in ("train", "val")
    }


def doubts(
    recipe: Recipe, run_dir: str, surveys: Mapping[str, "Survey"]
) -> dict[str, Any]:
    """Labels that the run's network doubts."""
    from kerastricks import trained
    from kerastricks.doubt import doubted

    folder = open_run(run_dir)
    about = folder.read(folder.effective_file)["data"]
    trained.check_labels(surveys["val"].whole, about)
    return doubted(recipe, trained.load(recipe, folder), surveys)


def draw(
    recipe: Recipe, found: Mapping[str, Any], surveys: Mapping[str, "Survey"]
) -> str:
    """The page."""
    from kerastricks.data.inspection import thumbnail
    from kerastricks.report.data_report import data_report

    def picture(split: str, place: int) -> bytes:
        source = surveys[split].whole
        return thumbnail(source, place, recipe.data.exif)

    samples = {
        name: {
            "labels": survey.source.labels[survey.good],
            "places": survey.places[survey.good],
        }
        for name, survey in surveys.items()
    }
    return data_report(found, samples, picture)


def tell(found: Mapping[str, Any]) -> None:
    """What was looked at, and what matters."""
    for name, split in found["splits"].items():
        print(
            f"{name:8} looked at {split['looked_at']:,} of {split['images']:,} "
            f"images, {len(found['class_names']):,} classes"
        )
    for one in found["advice"]:
        print(textwrap.fill(f"- {one['what']}", 79, subsequent_indent="  "))
        print(
            textwrap.fill(
                one["do"], 79, initial_indent="    ", subsequent_indent="    "
            )
        )
    if not found["advice"]:
        print("nothing suspicious was found")


if __name__ == "__main__":
    run_command(main)
