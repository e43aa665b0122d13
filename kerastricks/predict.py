"""python -m kerastricks.predict --run_dir=DIR [--top_k=5] FILE|FOLDER ...

Names what is on each picture, the most probable class first; of a folder, on
all that lie in it. Where pictures may have several classes or none, each class
has a probability of its own. --output=FILE.csv writes a table instead, a line
for each picture.
"""

import csv
import io
import itertools
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kerastricks import flags, run_dir
from kerastricks.command import run_command
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.files import printable, write_text
from kerastricks.hardware import choose_backend
from kerastricks.progress import Progress
from kerastricks.run_dir import open_run
from kerastricks.targets import writable_file

if TYPE_CHECKING:
    import numpy as np

    from kerastricks.data import Source
    from kerastricks.trained import Trained

FEW = 100  # pictures that take no time
Best = list[tuple[str, float]]  # classes, the most probable first

TOP_K = flags.Flag("top_k", 5, "classes to print for each picture")
OUTPUT = flags.Flag(
    "output", "", "table to write, FILE.csv, instead of printing the classes"
)
FLAGS = (run_dir.FLAG, TOP_K, OUTPUT)


def main(argv: Sequence[str]) -> None:
    """Tells the top classes of each file."""
    values, given = flags.parse(argv, __doc__, FLAGS)
    check(values, given)
    folder = open_run(values["run_dir"])
    recipe = folder.recipe()
    choose_backend(recipe.run.backend)

    from kerastricks import trained

    good, bad = sort_out(pictures(given), recipe.data.max_pixels)
    classifier = trained.load(recipe, folder)
    if good:
        rows = classify(recipe, classifier, good)
        found = best(classifier, rows, values["top_k"])
        if values["output"]:
            target = writable_file(values["output"])
            write_text(target, table(good, found))
            print(f"{len(good):,} pictures in {target}")
        else:
            show(good, found)
    if bad:
        raise InputError(
            "every file must be a whole JPEG, PNG, GIF, BMP or WebP of no more "
            f"than the run's max_pixels. Received: {', '.join(bad)}"
        )


def check(values: Mapping[str, Any], given: Sequence[str]) -> None:
    """Refuses what cannot be, before anything is read."""
    if not given:
        raise InputError("predict needs at least one picture. Received: none")
    if values["top_k"] < 1:
        raise InputError(
            f"top_k must be at least 1. Received: top_k={values['top_k']}"
        )
    output = values["output"]
    if output and not writable_file(output).name.endswith(".csv"):
        raise InputError(
            f"output must be a table, FILE.csv. Received: output={output}"
        )


def pictures(given: Sequence[str]) -> list[str]:
    """The files, and those in the folders, that there must be."""
    from kerastricks.data.sources.folder import image_files

    found: list[str] = []
    strange: list[str] = []
    for path in given:
        inside = sorted(image_files(pathlib.Path(path)))
        found += inside or [path]
        if not inside and not os.path.isfile(path):
            kind = "a folder without any" if os.path.isdir(path) else "missing"
            strange.append(f"{path} ({kind})")
    if strange:
        raise InputError(
            "pictures must be files, or folders of them. "
            f"Received: {', '.join(strange)}"
        )
    return found


def best(
    classifier: "Trained", probabilities: "np.ndarray", top_k: int
) -> list[Best]:
    """(class, probability) of the most probable ones, for each picture."""
    names = classifier.class_names
    return [
        [(names[i], float(row[i])) for i in row.argsort()[::-1][:top_k]]
        for row in probabilities
    ]


def show(files: Sequence[str], found: Sequence[Best]) -> None:
    """Prints the names that suit each picture."""
    for file, classes in zip(files, found, strict=True):
        print(printable(file))
        for name, probability in classes:
            print(f"  {probability:7.2%}  {name}")


def table(files: Sequence[str], found: Sequence[Best]) -> str:
    """The same with commas, a line a picture."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    places = range(1, len(found[0]) + 1)
    heads = [(f"class_{place}", f"probability_{place}") for place in places]
    writer.writerow(["image", *itertools.chain(*heads)])
    for file, classes in zip(files, found, strict=True):
        cells = [(name, f"{share:.6g}") for name, share in classes]
        writer.writerow([file, *itertools.chain(*cells)])
    return text.getvalue()


def sort_out(
    files: Sequence[str], max_pixels: int
) -> tuple[list[str], list[str]]:
    """The pictures, and what is none, with the reason."""
    from kerastricks.data.bad_images import fault, faults

    why = faults(
        source_of(files),
        lambda file: fault(file, max_pixels),
        Progress("looking at the pictures") if len(files) > FEW else None,
    )
    good = [file for place, file in enumerate(files) if place not in why]
    return good, [f"{files[i]} ({reason})" for i, reason in why.items()]


def source_of(files: Sequence[str], names: Sequence[str] = ()) -> "Source":
    """The pictures as data, of which nobody asks the labels."""
    import numpy as np

    from kerastricks.data.sources.folder import file_source

    labels = np.zeros(len(files), np.int32)
    return file_source(tuple(names), labels, list(files), 0)


def classify(
    recipe: Recipe, classifier: "Trained", files: Sequence[str]
) -> "np.ndarray":
    """Probabilities [N, C], as evaluation sees the pictures."""
    from kerastricks.evaluation import probabilities
    from kerastricks.outcome import logits_of

    source = source_of(files, classifier.class_names)
    progress = Progress("classifying") if len(files) > FEW else None
    logits = logits_of(recipe, classifier, source, progress)
    return probabilities(
        logits / classifier.temperature, classifier.multi_label
    )


if __name__ == "__main__":
    run_command(main)
