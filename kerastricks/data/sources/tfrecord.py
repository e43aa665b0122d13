"""Images in TFRecord files, in ImageNet's layout or with keys of your own.

    --data=tfrecord:DIR            DIR/train-00000-of-01024, ...,
                                   DIR/validation-00000-of-00128, ...
    --data=tfrecord:DIR/train-*    these alone, split by --val_fraction

A file belongs to a split if `train`, `val`, `validation`, `valid` or `test` is
one of the words of its name. Records are tf.train.Example messages:

    image/encoded           the image file's bytes         (--image_key)
    image/class/label       int64                          (--label_key)
      or a float list [C]   1 for each class of the image
      or, without it,       image/class/multi_hot, such a list (`pack`'s)

Labels count from 0. Where the smallest of training is 1, as in ImageNet (1 to
1000; 0 is a background that no image has), each is taken as one less; the names
stay those of the labels as written. Class names are the lines of `classes.txt`
beside the shards, else image/class/text, else image/class/synset, whichever
tells all labels apart, else the numbers.

Every record is read once, before the first run, for its place and its label;
see `kerastricks.data.records`, also about GZIP.
"""

import json
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data.decode import decode_other
from kerastricks.data.records import (
    MANIFEST,
    Progress,
    RecordIndex,
    index_records,
    record_images,
)
from kerastricks.data.sources.folder import FILES_SUIT, VAL_NAMES
from kerastricks.data.sources.source import Source, split_off
from kerastricks.errors import InputError

IMAGE_KEY = "image/encoded"
LABEL_KEY = "image/class/label"
TEXT_KEYS = ("image/class/text", "image/class/synset")
CLASSES_FILE = "classes.txt"
LOOKED_AT = 8  # images that tell which size suits them


def open_tfrecord(
    pattern: str,
    val_fraction: float,
    seed: int,
    image_key: str = IMAGE_KEY,
    label_key: str = LABEL_KEY,
    progress: Progress | None = None,
) -> dict[str, Source]:
    """The splits of a folder or pattern of shards: train and val.

    Args:
        progress: told (done, total) in megabytes while records are indexed.
    """

    def index(shards: Sequence[str]) -> RecordIndex:
        return index_records(
            shards,
            image_key=image_key,
            label_key=label_key,
            text_keys=TEXT_KEYS,
            progress=progress,
        )

    train_shards, val_shards = find_shards(os.path.expanduser(pattern))
    train = index(train_shards)
    class_names, shift = name_classes(train, train_shards[0])
    source = record_source(train, train.labels - shift, class_names, image_key)
    if not val_shards:
        rest, share = split_off(source, val_fraction, seed, pattern)
        return {"train": rest, "val": share}
    val = index(val_shards)
    check_labels(train, val, val_shards[0], shift, len(class_names))
    return {
        "train": source,
        "val": record_source(val, val.labels - shift, class_names, image_key),
    }


# Files


def find_shards(pattern: str) -> tuple[list[str], list[str]]:
    """(of training, of validation or none), sorted."""
    whole_folder = tf.io.gfile.isdir(pattern)
    shards = files_in(pattern) if whole_folder else files_like(pattern)
    if not shards:
        raise InputError(
            "tfrecord: needs a folder of TFRecord files or a pattern that "
            f"matches some. Received: {pattern}"
        )
    train = [shard for shard in shards if split_of(shard) == "train"]
    for name in VAL_NAMES:
        val = [shard for shard in shards if split_of(shard) == name]
        if train and val:
            break
    if not (train and val):
        train, val = (train if whole_folder and train else shards), []
    if whole_folder:
        refuse_unfinished(pattern)
        for split in (train, val):
            refuse_gaps(split)
    return train, val


def files_in(folder: str) -> list[str]:
    """The files of a folder that are named as shards are."""
    return [
        os.path.join(folder, name)
        for name in sorted(tf.io.gfile.listdir(folder))
        if re.search(r"\.tfrecords?\b|-\d+-of-\d+", name) and name[0] != "."
    ]


def files_like(pattern: str) -> list[str]:
    """The visible files that a pattern matches."""
    try:
        found = tf.io.gfile.glob(pattern)
    except tf.errors.OpError:
        return []
    return sorted(
        path
        for path in found
        if os.path.basename(path)[0] != "." and not tf.io.gfile.isdir(path)
    )


def split_of(shard: str) -> str:
    """The first word of a file's name that names a split, or none."""
    words = re.split(r"[-_.]", os.path.basename(shard).lower())
    return next((word for word in words if word in ("train", *VAL_NAMES)), "")


def refuse_unfinished(folder: str) -> None:
    """What `pack` was stopped at is no dataset yet."""
    path = os.path.join(folder, MANIFEST)
    if not tf.io.gfile.exists(path):
        return
    with tf.io.gfile.GFile(path, "r") as file:
        try:
            finished = json.loads(file.read())["finished"]
        except (ValueError, KeyError, TypeError):
            return  # somebody else's manifest
    if not finished:
        raise InputError(
            "a pack must be finished first; start the same command again. "
            f"Received: {folder}"
        )


def refuse_gaps(shards: Sequence[str]) -> None:
    """A folder with train-00000-of-00064 must hold the other 63 too."""
    there: dict[tuple[str, str], set[int]] = {}
    for shard in shards:
        if found := re.fullmatch(r"(.*)-(\d+)-of-(\d+)(.*)", shard):
            stem, number, count, end = found.groups()
            there.setdefault((f"{stem}-*-of-{count}{end}", count), set()).add(
                int(number)
            )
    for (pattern, count), numbers in there.items():
        if len(numbers) < int(count):
            raise InputError(
                "a folder of shards must hold all of them; give a pattern to "
                "use these alone. Received: "
                f"{len(numbers)} of {int(count)} files {pattern}"
            )


# Labels and classes


def name_classes(index: RecordIndex, shard: str) -> tuple[tuple[str, ...], int]:
    """(class names, what to take from each label as written)."""
    listed = read_class_names(os.path.dirname(shard))
    if index.labels.ndim == 2:
        count = index.labels.shape[1]
        names = listed or tuple(str(label) for label in range(count))
        check_count(names, count, shard)
        return names, 0
    used = np.unique(index.labels)
    low, high = int(used[0]), int(used[-1])
    if low < 0:
        raise InputError(
            "labels must count from 0 or 1. Received: "
            f"{low} in {index.record_names()[index.labels.argmin()]}"
        )
    if listed:
        shift = int(low == 1 and high == len(listed))
        check_count(listed, high - shift + 1, shard)
        return listed, shift
    shift = int(low == 1)
    refuse_unused(used, shift, shard)
    return texts_of(index, used.tolist()), shift


def read_class_names(folder: str) -> tuple[str, ...]:
    """One name a line, in the order of the labels; none without the file."""
    path = os.path.join(folder, CLASSES_FILE)
    if not tf.io.gfile.exists(path):
        return ()
    with tf.io.gfile.GFile(path, "rb") as file:
        text = file.read().decode("utf-8", "backslashreplace")
    return tuple(line.rstrip("\r") for line in text.rstrip("\n").split("\n"))


def check_count(names: Sequence[str], count: int, shard: str) -> None:
    """There must be a name for each label."""
    if len(names) < count:
        raise InputError(
            f"{CLASSES_FILE} must name every label, one a line. Received: "
            f"{len(names)} names, highest label {count - 1} in "
            f"{os.path.dirname(shard)}"
        )


def refuse_unused(used: np.ndarray, shift: int, shard: str) -> None:
    """Without a list of names, labels must be 0, 1, 2, ... or 1, 2, 3, ..."""
    if len(used) < 2:
        raise InputError(
            "a classifier needs at least two classes. Received: label "
            f"{used[0]} alone in {os.path.dirname(shard)}"
        )
    expected = np.arange(len(used)) + shift
    if used[-1] != expected[-1]:
        unused = expected[np.argmin(used == expected)]
        raise InputError(
            f"without {CLASSES_FILE} every class needs at least one image. "
            f"Received: none with label {unused} in {os.path.dirname(shard)}"
        )


def texts_of(index: RecordIndex, labels: Sequence[int]) -> tuple[str, ...]:
    """The text of each label, of the first key that tells them apart."""
    for texts in index.texts.values():
        if len(set(texts.values())) == len(labels):
            return tuple(texts[label] for label in labels)
    return tuple(str(label) for label in labels)


def check_labels(
    train: RecordIndex, val: RecordIndex, shard: str, shift: int, classes: int
) -> None:
    """Validation must mean the same by each label; it may lack some."""
    where = os.path.join(os.path.dirname(shard), val.names[0])
    if train.labels.shape[1:] != val.labels.shape[1:]:
        received = f"another kind of label in {where}"
    elif train.labels.ndim == 2:
        return
    elif strange := sorted(
        set(val.labels.tolist()) - set(range(shift, classes + shift))
    ):
        received = f"label {', '.join(map(str, strange[:5]))} in {where} only"
    else:
        received = renamed(train, val, where)
    if received:
        raise InputError(
            "training and validation must have the same classes. Received: "
            f"{received}"
        )


def renamed(train: RecordIndex, val: RecordIndex, where: str) -> str:
    """A label with one text in training and another in validation."""
    for key, texts in val.texts.items():
        for label, text in texts.items():
            ours = train.texts.get(key, {}).get(label, text)
            if text != ours:
                return f"label {label} is {ours}, in {where} {text}"
    return ""


# The source


def record_source(
    index: RecordIndex,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    image_key: str,
) -> Source:
    """All records of an index as a source."""
    fetch = record_images(index, image_key)
    return Source(
        class_names=class_names,
        labels=labels,
        names=index.record_names(),
        fetch=fetch,
        encoded=True,
        natural_size=suitable_size(fetch, len(index)),
        indices=np.arange(len(index)),
        stamp=index.stamp,
    )


def suitable_size(fetch: Callable[[Any], Any], count: int) -> int:
    """The side of small images all of one size, else that of photographs."""
    sides = set()
    for number in np.linspace(0, count - 1, min(count, LOOKED_AT)).astype(int):
        try:
            data = fetch(tf.constant(number))
            if tf.io.is_jpeg(data):  # its header tells
                shape = tf.io.extract_jpeg_shape(data).numpy()
            else:
                shape = decode_other(data).shape
        except tf.errors.OpError:
            continue  # whoever reads all images will complain
        sides.add(int(min(shape[:2])))
    return min(min(sides), FILES_SUIT) if len(sides) == 1 else FILES_SUIT
