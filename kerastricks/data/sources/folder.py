"""Images in folders, one folder a class.

    PATH/train/CLASS/*.jpg  and  PATH/val/CLASS/*.jpg  (or test/)
    PATH/CLASS/*.jpg        split by --val_fraction, stratified and seeded

Images may lie in subfolders of their class, links to folders among them. Files
of other types and hidden ones are passed over.
"""

import difflib
import math
import os
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kerastricks.data.headers import file_size
from kerastricks.data.sources.source import Source, split_off
from kerastricks.errors import InputError
from kerastricks.files import printable

EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
VAL_NAMES = ("val", "validation", "valid", "test")
FILES_SUIT = 224  # the customary size for photographs
SAMPLE = 64  # images whose size is looked at
STEP = 16  # of the sizes that suit smaller ones


def open_folder(
    path: str,
    val_fraction: float,
    seed: int,
    natural_size: int = 0,
    any_classes: bool = False,
) -> dict[str, Source]:
    """The splits of a folder: train and val.

    Args:
        natural_size: 0: by the images.
        any_classes: also empty ones, and such as only one split has.
    """
    root = pathlib.Path(os.path.expanduser(path))
    if not root.is_dir():
        raise InputError(
            f"the data folder must exist. Received: {root}{near(root)}"
        )
    try:
        train_root, val_root = find_splits(root)
        roots = [one for one in (train_root, val_root) if one]
        names = class_folders(*roots) if any_classes else None
        train, *more = (list_split(one, natural_size, names) for one in roots)
    except PermissionError as error:
        raise InputError(
            f"the data folder must be readable. Received: {error.filename}"
        ) from None
    for val in more:
        check_same_classes(train, val, str(train_root), str(val_root))
        return {"train": train, "val": val}
    where = str(root)
    rest, share = split_off(train, val_fraction, seed, where, any_classes)
    return {"train": rest, "val": share}


def near(missing: pathlib.Path) -> str:
    """The folders beside it that may have been meant, to go on with."""
    try:
        there = [path for path in missing.parent.iterdir() if path.is_dir()]
    except OSError:
        return ""
    alike = difflib.get_close_matches(
        missing.name, [path.name for path in there], n=3
    )
    if not alike:
        return ""
    meant = ", ".join(str(missing.with_name(name)) for name in alike)
    return f". Did you mean {meant}?"


def find_splits(root: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path | None]:
    """(train, val or None): the split folders, or the root as both."""
    there = {path.name.lower(): path for path in root.iterdir()}
    folders = {name: path for name, path in there.items() if path.is_dir()}
    train = folders.pop("train", None)
    if train is None:
        return root, None
    for name in VAL_NAMES:
        if name in folders:
            return train, folders[name]
    for beside in folders.values():
        if beside.name[0] != "." and any(image_files(beside)):
            raise InputError(
                "train/ holds the training images of all classes, with val/ "
                "beside it or nothing: give a class of that name another one, "
                "or train on it alone by --data=folder:.../train. "
                f"Received: {train} beside {beside}"
            )
    return train, None


def class_folders(*roots: pathlib.Path) -> list[str]:
    """The names of the folders in any of these."""
    return sorted(
        {
            entry.name
            for root in roots
            for entry in os.scandir(root)
            if entry.is_dir() and not entry.name.startswith(".")
        }
    )


def list_split(
    root: pathlib.Path, natural_size: int, names: list[str] | None = None
) -> Source:
    """Every image below a folder of class folders, in a fixed order.

    Args:
        names: of the classes, images or none; by default those of the folder,
            each of which must have some.
    """
    classes = names or class_folders(root)
    paths: list[str] = []
    labels: list[int] = []
    empty = []
    for label, name in enumerate(classes):
        found = sorted(image_files(root / name))
        paths += found
        labels += [label] * len(found)
        if not found:
            empty.append(name)
    if paths and len(classes) < 2:
        raise InputError(
            "a classifier needs at least two classes, each a folder of its "
            f"own. Received: {classes[0]} alone in {root}"
        )
    if not paths:
        raise InputError(
            f"a data folder holds one folder per class with "
            f"{', '.join(EXTENSIONS)} files in it; no image was found. "
            f"Received: {root}"
        )
    if empty and not names:
        raise InputError(
            "every class needs at least one image. Received: no images in "
            f"{', '.join(str(root / name) for name in empty[:5])}"
        )
    return file_source(
        tuple(map(printable, classes)),
        np.array(labels, np.int32),
        paths,
        natural_size or suiting(paths),
    )


def suiting(paths: list[str]) -> int:
    """The side for these images: what photographs have, but for small ones."""
    places = np.unique(np.linspace(0, len(paths) - 1, SAMPLE).astype(int))
    sizes = filter(None, (file_size(paths[i]) for i in places))
    sides = [min(size) for size in sizes]
    middle = float(np.median(sides)) if sides else FILES_SUIT
    if middle > FILES_SUIT / 2:
        return FILES_SUIT
    return STEP * math.ceil(middle / STEP)


def image_files(folder: pathlib.Path) -> Iterator[str]:
    """Paths of the images below a folder, if it is there."""
    if not folder.is_dir():
        return
    seen = {os.path.realpath(folder)}  # links may lead back up
    for where, folders, files in os.walk(
        folder, onerror=complain, followlinks=True
    ):
        folders[:] = [
            name for name in sorted(folders) if is_new(where, name, seen)
        ]
        for name in files:
            if name.lower().endswith(EXTENSIONS) and name[0] != ".":
                yield os.path.join(where, name)


def is_new(where: str, name: str, seen: set[str]) -> bool:
    """Whether a folder is to be looked into: not hidden, not seen by a link."""
    real = os.path.realpath(os.path.join(where, name))
    if name.startswith(".") or real in seen:
        return False
    seen.add(real)
    return True


def complain(error: OSError) -> None:
    """For os.walk, which passes over what it cannot read unless told."""
    raise error


def file_source(
    class_names: tuple[str, ...],
    labels: np.ndarray,
    paths: list[str],
    natural_size: int,
) -> Source:
    """A source that reads files by their path."""
    with tf.device("CPU"):
        table = tf.constant([os.fsencode(path) for path in paths])
    return Source(
        class_names=class_names,
        labels=labels,
        names=paths,
        fetch=lambda index: tf.io.read_file(tf.gather(table, index)),
        encoded=True,
        natural_size=natural_size,
        indices=np.arange(len(paths)),
        in_files=True,
    )


def check_same_classes(
    train: Source, val: Source, train_root: str, val_root: str
) -> None:
    """Training and validation must mean the same by each label."""
    if train.class_names == val.class_names:
        return
    received = []
    for ours, theirs, root in (
        (train, val, train_root),
        (val, train, val_root),
    ):
        only = sorted(set(ours.class_names) - set(theirs.class_names))
        if only:
            received.append(f"{', '.join(only[:5])} in {root} only")
    raise InputError(
        "training and validation must have the same classes. Received: "
        f"{'; '.join(received)}"
    )
