"""python -m kerastricks.preview [--flagfile=FILE] [--any_flag=...]

Draws what the model will see: preview.png shows the first images of a run with
these flags, the original beside evaluation's view, the crop, the policy and
each trick of the step in turn, with the soft labels below. Then measures how
fast the host makes batches and names its slowest stage.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.config import Recipe, idle_knobs
from kerastricks.errors import InputError
from kerastricks.files import replacing
from kerastricks.hardware import resolve
from kerastricks.targets import writable_file

if TYPE_CHECKING:
    from kerastricks.build import Splits

OUTPUT = flags.Flag("output", "preview.png", "file to write")
IMAGES = flags.Flag("images", 8, "images to show")
SECONDS = flags.Flag(
    "seconds", 3.0, "to measure each stage of the loader; 0: do not"
)
OWN = (OUTPUT, IMAGES, SECONDS)
FLAGS = (*OWN, *flags.RECIPE_FLAGS)


def main(argv: Sequence[str]) -> None:
    """Draws and measures."""
    values = flags.parse_alone("preview", argv, __doc__, FLAGS)
    options = {flag.name: values.pop(flag.name) for flag in OWN}
    recipe = Recipe(**values).validate()
    if options["images"] < 1:
        raise InputError(
            f"images must be at least 1. Received: images={options['images']}"
        )
    # Originals are to be seen, and nobody waits for thousands to be decoded.
    recipe = resolve(recipe.replace(cache="none", devices=1))
    for warning in idle_knobs(recipe):
        print(f"warning        {warning}")
    target = writable_file(options["output"])

    from kerastricks import build
    from kerastricks.look import look

    splits = build.data(recipe)
    recipe = build.settle(recipe, splits)
    with replacing(target) as partial:
        partial.write_bytes(look(recipe, splits, options["images"]))
    print(f"contact sheet  {target}")
    if options["seconds"] > 0:
        print_speeds(recipe, splits, options["seconds"])


def print_speeds(recipe: Recipe, splits: "Splits", seconds: float) -> None:
    """A line for each stage of the loader."""
    from kerastricks import build
    from kerastricks.data import policies
    from kerastricks.data.loader_speed import loader_speeds, slowest

    speeds = loader_speeds(
        splits.train,
        build.squares(recipe, splits.image_size),
        policies.create(recipe.data.policy),
        seconds,
    )
    for name, images_per_second in speeds.items():
        print(f"{images_per_second:12,.0f} img/s  with {name}")
    name, share = slowest(speeds)
    print(f"the slowest stage is {name}: {share:.0%} of the loader's time")


if __name__ == "__main__":
    run_command(main)
