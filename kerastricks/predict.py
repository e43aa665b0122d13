"""python -m kerastricks.predict --run_dir=DIR [--top_k=5] FILE ...

Names what is on each picture, the most probable class first. Where pictures may
have several classes or none, each class has a probability of its own.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerastricks import flags, run_dir
from kerastricks.command import run_command
from kerastricks.errors import InputError
from kerastricks.hardware import choose_backend
from kerastricks.run_dir import open_run

if TYPE_CHECKING:
    import numpy as np

    from kerastricks.trained import Trained

TOP_K = flags.Flag("top_k", 5, "classes to print for each picture")
FLAGS = (run_dir.FLAG, TOP_K)


def main(argv: Sequence[str]) -> None:
    """Prints the top classes of each file."""
    values, files = flags.parse(argv, __doc__, FLAGS)
    if not files:
        raise InputError("predict needs at least one picture. Received: none")
    if values["top_k"] < 1:
        raise InputError(
            f"top_k must be at least 1. Received: top_k={values['top_k']}"
        )
    folder = open_run(values["run_dir"])
    recipe = folder.recipe()
    choose_backend(recipe.run.backend)

    from kerastricks import trained

    good, bad = sort_out(files, recipe.data.max_pixels)
    classifier = trained.load(recipe, folder)
    if good:
        show(classifier, good, classify(classifier, good), values["top_k"])
    if bad:
        raise InputError(
            "every file must be a whole JPEG, PNG, GIF, BMP or WebP of no more "
            "than the run's max_pixels. "
            f"Received: {', '.join(bad)}"
        )


def show(
    classifier: "Trained",
    files: Sequence[str],
    probabilities: "np.ndarray",
    top_k: int,
) -> None:
    """Prints the names that suit each picture."""
    for file, row in zip(files, probabilities, strict=True):
        print(file)
        for place in row.argsort()[::-1][:top_k]:
            print(f"  {row[place]:7.2%}  {classifier.class_names[place]}")


def sort_out(
    files: Sequence[str], max_pixels: int
) -> tuple[list[str], list[str]]:
    """The pictures, and what is none."""
    from kerastricks.data.bad_images import decodes

    missing = [file for file in files if not os.path.isfile(file)]
    if missing:
        told = [
            f"{file} (a folder)" if os.path.isdir(file) else file
            for file in missing
        ]
        raise InputError(
            f"pictures must be files that exist. Received: {', '.join(told)}"
        )
    whole = {file: decodes(file, max_pixels) for file in files}
    good = [file for file in files if whole[file]]
    return good, [file for file in files if not whole[file]]


def classify(classifier: "Trained", files: Sequence[str]) -> "np.ndarray":
    """Probabilities [N, C]."""
    import tensorflow as tf

    from kerastricks.evaluation import probabilities

    squares = tf.data.Dataset.from_tensor_slices(
        [*map(os.fsencode, files)]
    ).map(
        lambda file: classifier.squares.eval(
            tf.io.read_file(file), encoded=True
        )
    )
    logits = classifier.logits(squares.batch(32))
    return probabilities(
        logits / classifier.temperature, classifier.multi_label
    )


if __name__ == "__main__":
    run_command(main)
