"""Sources of images, by the text given to --data."""

import os
from collections.abc import Callable

from kerastricks.data.sources.arrays import open_arrays
from kerastricks.data.sources.csv_file import open_csv
from kerastricks.data.sources.folder import open_folder
from kerastricks.data.sources.shapes import IMAGE_SIZE, shapes_folder
from kerastricks.data.sources.source import Source, stratified
from kerastricks.data.sources.tfds import open_tfds
from kerastricks.data.sources.tfrecord import (
    IMAGE_KEY,
    LABEL_KEY,
    open_tfrecord,
)
from kerastricks.errors import InputError

__all__ = ["Source", "open_source", "open_splits", "stratified"]

Splits = dict[str, Source]


def open_splits(
    spec: str,
    *,
    val_fraction: float = 0.1,
    seed: int = 0,
    image_key: str = IMAGE_KEY,
    label_key: str = LABEL_KEY,
    progress: Callable[[int, int], None] | None = None,
    any_classes: bool = False,
) -> Splits:
    """The train and val sources that a text like `folder:PATH` stands for.

    Args:
        image_key, label_key: features of the records of tfrecord:.
        progress: told (done, total) while the built-in images are drawn, or
            records are indexed.
        any_classes: for looking only: of folders and tables also classes that
            are empty or in one split alone, which training refuses.
    """
    kind, _, argument = spec.partition(":")
    if spec == "shapes":
        folder = str(shapes_folder(progress=progress))
        return open_folder(folder, val_fraction, seed, IMAGE_SIZE)
    if kind == "folder" and argument:
        return open_folder(
            argument, val_fraction, seed, any_classes=any_classes
        )
    if kind == "csv" and argument:
        return open_csv(argument, val_fraction, seed, any_classes)
    if kind == "tfrecord" and argument:
        return open_tfrecord(
            argument, val_fraction, seed, image_key, label_key, progress
        )
    if kind == "tfds" and argument:
        return open_tfds(argument, val_fraction, seed, progress)
    if kind == "arrays" and argument:
        return open_arrays(argument, val_fraction, seed)
    meant = f". Did you mean folder:{spec}?" * os.path.isdir(spec)
    raise InputError(
        "data must be shapes, folder:PATH, tfds:NAME, tfrecord:GLOB, csv:FILE "
        f"or arrays:FILE.npz. Received: data={spec}{meant}"
    )


def open_source(
    spec: str, split: str = "train", *, val_fraction: float = 0.1, seed: int = 0
) -> Source:
    """One split of `open_splits`.

    Example:
        source = open_source("folder:flowers", "val")
        len(source), source.class_names
    """
    splits = open_splits(spec, val_fraction=val_fraction, seed=seed)
    if split not in splits:
        raise InputError(
            f"split must be one of {', '.join(splits)}. Received: split={split}"
        )
    return splits[split]
