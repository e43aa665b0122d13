"""Sources of images, by the text given to --data."""

from collections.abc import Callable

from kerastricks.data.sources.arrays import open_arrays
from kerastricks.data.sources.folder import open_folder
from kerastricks.data.sources.shapes import IMAGE_SIZE, shapes_folder
from kerastricks.data.sources.source import Source, stratified
from kerastricks.errors import InputError

__all__ = ["Source", "open_source", "open_splits", "stratified"]

Splits = dict[str, Source]


def open_shapes(argument: str, val_fraction: float, seed: int) -> Splits:
    """The built-in images; they come with a test split."""
    return open_folder(str(shapes_folder()), val_fraction, seed, IMAGE_SIZE)


KINDS: dict[str, Callable[[str, float, int], Splits]] = {
    "shapes": open_shapes,
    "folder": open_folder,
    "arrays": open_arrays,
}


def open_splits(
    spec: str, *, val_fraction: float = 0.1, seed: int = 0
) -> Splits:
    """The train and val sources that a text like `folder:PATH` stands for."""
    kind, colon, argument = spec.partition(":")
    if kind not in KINDS or bool(argument) != (kind != "shapes"):
        raise InputError(
            "data must be shapes, folder:PATH or arrays:FILE.npz. "
            f"Received: data={spec}"
        )
    return KINDS[kind](argument, val_fraction, seed)


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
