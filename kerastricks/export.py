"""python -m kerastricks.export --run_dir=DIR [--output=DIR] [--top_k=5]

Writes the run's best weights as a SavedModel, by default into its saved_model/
folder. It is always TensorFlow that writes it, whatever backend trained.
"""

import pathlib
from collections.abc import Sequence

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.errors import InputError
from kerastricks.evaluate import RUN_DIR, open_run
from kerastricks.hardware import choose_backend
from kerastricks.predict import TOP_K

OUTPUT = flags.Flag("output", "", "folder to write; empty: RUN_DIR/saved_model")


def main(argv: Sequence[str]) -> None:
    """Exports, and says where it is."""
    values, rest = flags.parse(argv, __doc__, (RUN_DIR, OUTPUT, TOP_K))
    if rest:
        raise InputError(f"export takes flags only. Received: {' '.join(rest)}")
    if values["top_k"] < 1:
        raise InputError(
            f"top_k must be at least 1. Received: top_k={values['top_k']}"
        )
    folder = open_run(values["run_dir"])
    recipe = folder.recipe()
    target = free_target(values["output"] or str(folder.saved_model))
    choose_backend("tensorflow")

    from kerastricks import trained
    from kerastricks.serving import write_saved_model

    write_saved_model(trained.load(recipe, folder), target, values["top_k"])
    print(f"SavedModel  {target}")


def free_target(output: str) -> pathlib.Path:
    """A folder to write; refuses to replace anything but a SavedModel."""
    target = pathlib.Path(output).expanduser().resolve()
    replaceable = not target.exists() or (target / "saved_model.pb").is_file()
    if not replaceable and (not target.is_dir() or any(target.iterdir())):
        raise InputError(
            "output must be a new or empty folder, or a SavedModel to replace. "
            f"Received: output={target}"
        )
    return target


if __name__ == "__main__":
    import os

    # Before anything imports Keras; the training's backend does not matter.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    run_command(main)
