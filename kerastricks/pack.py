"""python -m kerastricks.pack --data=folder:PATH --output=DIR [--shards=64]

Writes any data as TFRecord files in ImageNet's layout: a few large files
instead of a million small ones, which --data=tfrecord:DIR then reads. Images
keep their bytes, unless --resize_short makes the large ones smaller. Every file
is read again after writing. Started once more after a stop, it goes on.
"""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.progress import Progress
from kerastricks.targets import writable

if TYPE_CHECKING:
    from kerastricks.data import Source
    from kerastricks.data.packing import Packed

# These mean what they mean in training.
RECIPE_KNOBS = (
    "data",
    "image_key",
    "label_key",
    "val_fraction",
    "on_bad_image",
    "exif",
    "max_pixels",
    "seed",
)
OUTPUT = flags.Flag("output", "", "folder to write")
SHARDS = flags.Flag(
    "shards", 0, "files of training images; 0: one for each 1,250 images"
)
RESIZE_SHORT = flags.Flag(
    "resize_short", 0, "shrink images to this short side; 0: keep all bytes"
)
QUALITY = flags.Flag("quality", 95, "of the JPEGs that resize_short makes")
FLAGS = (
    *(flag for flag in flags.RECIPE_FLAGS if flag.name in RECIPE_KNOBS),
    OUTPUT,
    SHARDS,
    RESIZE_SHORT,
    QUALITY,
)


def main(argv: Sequence[str]) -> None:
    """Packs, and says what came of it."""
    values = flags.parse_alone("pack", argv, __doc__, FLAGS)
    if not values["output"]:
        raise InputError("pack needs --output=DIR. Received: none")
    output = writable(values["output"])
    recipe = Recipe(**{name: values[name] for name in RECIPE_KNOBS}).validate()

    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")  # whoever trains may have it all
    packed = pack(recipe, output, values)
    where = f"{output}  {packed.size / 1e6:,.1f} MB, verified"
    print(f"packed  {packed.images:,} images in {packed.shards} files  {where}")
    for name in packed.skipped:
        print(f"left out, as it does not decode  {name}")
    print(f"train on it with --data=tfrecord:{output}")


def pack(recipe: Recipe, output: pathlib.Path, values: dict) -> "Packed":
    """Opens the data and writes what is missing."""
    from kerastricks.data import packing

    way = packing.Packing(
        shards=values["shards"],
        resize_short=values["resize_short"],
        quality=values["quality"],
        seed=recipe.run.seed,
        on_bad_image=recipe.data.on_bad_image,
        exif=recipe.data.exif,
        max_pixels=recipe.data.max_pixels,
    ).validate()
    return packing.pack(opened(recipe), output, way, Progress("packing"))


def opened(recipe: Recipe, any_classes: bool = False) -> "dict[str, Source]":
    """The splits of the recipe's data, by functions that need no Keras."""
    from kerastricks.data import open_splits

    return open_splits(
        recipe.data.data,
        val_fraction=recipe.data.val_fraction,
        seed=recipe.run.seed,
        image_key=recipe.data.image_key,
        label_key=recipe.data.label_key,
        progress=Progress("reading"),
        any_classes=any_classes,
    )


if __name__ == "__main__":
    run_command(main)
