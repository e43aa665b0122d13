"""Datasets that TensorFlow Datasets has prepared, read without its pipeline.

    --data=tfds:cifar10
    --data=tfds:imagenet_v2/matched-frequency@3.0.0
    --data=tfds:cifar10?train=train[:80%]&val=train[80%:]
    --data=tfds:mine?data_dir=/data/tfds

After the `?`: `train` and `val` choose splits, sliced as TFDS slices them;
`data_dir` is the folder that datasets were prepared in, else $TFDS_DATA_DIR or
~/tensorflow_datasets. Without a choice these are the dataset's train split (or
the first that it has) and its validation or test split; without any of those,
--val_fraction splits the training images.

The image and the label are the dataset's supervised keys, else its only image
and its only class label; `image` and `label` after the `?` name others. The
image stays encoded (TFDS's SkipDecoding) until a crop is cut out of it.

Nothing is ever downloaded here: a dataset that is not prepared is an error that
names the command to prepare it. TFRecord files are read at any place by their
index (`kerastricks.data.records`). ArrayRecord files are read by Python, in
this process: they cannot be used by the workers of a tf.data service. A builder
without files, as `tfds.testing.mock_data` makes, is read into memory.
"""

import dataclasses
import hashlib
import os
import threading
import urllib.parse
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data.records import (
    Progress,
    fingerprint,
    image_of,
    index_records,
    kept_arrays,
)
from kerastricks.data.sources.folder import VAL_NAMES
from kerastricks.data.sources.source import Source, split_off
from kerastricks.data.sources.tfrecord import record_source, suitable_size
from kerastricks.errors import InputError

OPTIONS = ("train", "val", "image", "label", "data_dir")
LABELS_AT_ONCE = 1024


@dataclasses.dataclass(frozen=True)
class Request:
    """What the text of --data=tfds:... asks for."""

    name: str  # as TFDS writes it: NAME/CONFIG:VERSION
    train: str = ""
    val: str = ""
    image: str = ""
    label: str = ""
    data_dir: str | None = None


@dataclasses.dataclass(frozen=True)
class Keys:
    """The features to read, and what the labels are called."""

    image: str
    label: str
    class_names: tuple[str, ...]


def open_tfds(
    text: str,
    val_fraction: float,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Source]:
    """The splits of a prepared dataset: train and val.

    Args:
        text: NAME[/CONFIG][@VERSION][?train=SPLIT&val=SPLIT&...].
        progress: told (done, total) in megabytes while records are indexed.
    """
    request = read_request(text)
    builder = find_builder(request)
    keys = find_keys(builder, request)
    if not builder.info.splits:
        return split_of_builder(builder, request, keys, val_fraction, seed)
    train, val = choose_splits(list(builder.info.splits), request)
    source = open_split(builder, train, keys, progress)
    if val:
        share = open_split(builder, val, keys, progress)
        refuse_overlap(builder, train, val)
        return {"train": source, "val": share}
    rest, share = split_off(source, val_fraction, seed, text)
    return {"train": rest, "val": share}


# Which dataset, which splits, which features


def read_request(text: str) -> Request:
    """The parts of NAME[/CONFIG][@VERSION][?...]."""
    name, _, query = text.partition("?")
    options = {}
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if key not in OPTIONS or not value:
            raise InputError(
                f"after the ? come {', '.join(OPTIONS)}, each as name=value "
                f"with & between. Received: {part} in tfds:{text}"
            )
        options[key] = urllib.parse.unquote(value)
    if "data_dir" in options:
        options["data_dir"] = os.path.expanduser(options["data_dir"])
    return Request(name.replace("@", ":"), **options)


def find_builder(request: Request) -> Any:
    """TFDS's builder of the dataset."""
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise InputError(
            f"tfds: needs the package tensorflow-datasets ({error}). "
            f"Received: tfds:{request.name}"
        ) from None
    try:
        return tfds.builder(request.name, data_dir=request.data_dir)
    except (ValueError, AssertionError, ImportError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"tfds: needs a dataset that TFDS knows or has prepared ({reason}) "
            f"Received: tfds:{request.name.replace(':', '@')}"
        ) from None


def find_keys(builder: Any, request: Request) -> Keys:
    """The features of image and label, and the classes."""
    features = builder.info.features
    supervised = builder.info.supervised_keys
    pair = supervised if supervised and len(supervised) == 2 else ("", "")
    image = request.image or feature_of(builder, pair[0], "Image")
    label = request.label or feature_of(builder, pair[1], "ClassLabel")
    for key, kind in ((image, "Image"), (label, "ClassLabel")):
        if key not in features or type(features[key]).__name__ != kind:
            raise InputError(
                "a dataset needs an Image and a ClassLabel; name them with "
                f"?image=NAME&label=NAME. Received: {key or 'no'} as {kind} "
                f"among {', '.join(sorted(features))} of {builder.name}"
            )
    return Keys(image, label, tuple(features[label].names))


def feature_of(builder: Any, supervised: Any, kind: str) -> str:
    """The supervised feature of a kind, else the only one of it, or none."""
    features = builder.info.features
    found = [key for key in features if type(features[key]).__name__ == kind]
    if supervised in found:
        return supervised
    return found[0] if len(found) == 1 else ""


def choose_splits(there: Sequence[str], request: Request) -> tuple[str, str]:
    """(training, validation or none), as TFDS writes them."""
    others = [name for name in VAL_NAMES if name in there]
    train = request.train or ("train" if "train" in there else there[0])
    if request.val or request.train:
        return train, request.val
    return train, next((name for name in others if name != train), "")


def refuse_overlap(builder: Any, train: str, val: str) -> None:
    """No image may be trained on and validated on."""
    spans = spans_of(builder, train)
    for file, start, stop in spans_of(builder, val):
        for other, first, last in spans:
            if file == other and start < last and first < stop:
                raise InputError(
                    "training and validation must not share images. Received: "
                    f"train={train}, val={val} of {builder.name}"
                )


def spans_of(builder: Any, split: str) -> list[tuple[str, int, int]]:
    """(file, first record, the one after the last) of each part of a split."""
    return [
        (
            str(part.filename),
            part.skip,
            part.examples_in_shard if part.take < 0 else part.skip + part.take,
        )
        for part in builder.info.splits[split].file_instructions
    ]


# From files


def open_split(
    builder: Any, split: str, keys: Keys, progress: Progress | None
) -> Source:
    """The images of one split, or of a slice of it."""
    try:
        instructions = builder.info.splits[split].file_instructions
    except (KeyError, ValueError, AssertionError) as error:
        raise InputError(
            "a split must be one of "
            f"{', '.join(builder.info.splits)}, or a slice as train[:80%]. "
            f"Received: {split} of {builder.name} "
            f"({str(error).splitlines()[0]})"
        ) from None
    shards = list(dict.fromkeys(str(part.filename) for part in instructions))
    refuse_lost(shards, builder)
    kind = builder.info.file_format.value
    if kind == "tfrecord":
        source = from_tfrecords(shards, keys, progress)
    elif kind == "array_record":
        source = from_array_records(shards, keys)
    else:
        raise InputError(
            "TFDS's files must be tfrecord or array_record. "
            f"Received: {kind} in {builder.data_dir}"
        )
    lengths = {
        str(part.filename): part.examples_in_shard for part in instructions
    }
    starts = dict(zip(shards, np.cumsum([0, *lengths.values()]), strict=False))
    chosen = [
        starts[str(part.filename)] + part.skip + np.arange(part.take)
        for part in instructions
    ]
    return checked(source.subset(np.concatenate(chosen)), split, builder)


def refuse_lost(shards: Sequence[str], builder: Any) -> None:
    """Every file that the dataset consists of must be there."""
    lost = [shard for shard in shards if not tf.io.gfile.exists(shard)]
    if lost:
        raise InputError(
            f"the files of {builder.name} must all be there; prepare it again "
            f"with: {command(builder)} Received: no {lost[0]}"
        )


def from_tfrecords(
    shards: Sequence[str], keys: Keys, progress: Progress | None
) -> Source:
    """All images of some TFRecord files."""
    index = index_records(
        shards, image_key=keys.image, label_key=keys.label, progress=progress
    )
    return record_source(index, index.labels, keys.class_names, keys.image)


def from_array_records(shards: Sequence[str], keys: Keys) -> Source:
    """All images of some ArrayRecord files."""
    try:
        from array_record.python.array_record_data_source import (
            ArrayRecordDataSource,
        )
    except ImportError as error:
        raise InputError(
            f"this dataset needs the package array_record ({error}). "
            f"Received: {shards[0]}"
        ) from None
    records = ArrayRecordDataSource(list(shards))
    stamp = fingerprint(shards, (keys.image, keys.label))
    kept = kept_arrays(
        os.path.dirname(shards[0]), stamp, lambda: labels_of(records, keys)
    )
    alone = threading.Lock()

    def read(number: np.ndarray) -> bytes:
        with alone:
            return records[int(number)]

    def fetch(number: Any) -> Any:
        record = tf.numpy_function(read, [number], tf.string, stateful=False)
        return image_of(tf.ensure_shape(record, []), keys.image)

    name = os.path.basename(shards[0]).split(".array_record")[0]
    return Source(
        class_names=keys.class_names,
        labels=kept["labels"],
        names=[f"{name}[{i}]" for i in range(len(records))],
        fetch=fetch,
        encoded=True,
        natural_size=suitable_size(fetch, len(records)),
        indices=np.arange(len(records)),
        stamp=stamp,
        anywhere=False,
    )


def labels_of(records: Any, keys: Keys) -> dict[str, np.ndarray]:
    """Every record's label."""
    spec = {keys.label: tf.io.FixedLenFeature([], tf.int64)}
    labels = []
    for start in range(0, len(records), LABELS_AT_ONCE):
        stop = min(start + LABELS_AT_ONCE, len(records))
        rows = records.__getitems__(range(start, stop))
        labels.append(tf.io.parse_example(rows, spec)[keys.label].numpy())
    return {"labels": np.concatenate(labels).astype(np.int32)}


def checked(source: Source, split: str, builder: Any) -> Source:
    """The source, if each image has one of the classes."""
    if not len(source) or source.labels.min() < 0:
        raise InputError(
            "a split needs images, each with a label. Received: "
            f"{'unlabelled images' if len(source) else 'nothing'} in "
            f"{split} of {builder.name}"
        )
    return source


# From a builder without files


def split_of_builder(
    builder: Any, request: Request, keys: Keys, val_fraction: float, seed: int
) -> dict[str, Source]:
    """Train and val of a builder that gives images but names no files."""
    train = from_memory(builder, request.train or "train", keys)
    if request.train and not request.val:
        rest, share = split_off(train, val_fraction, seed, builder.name)
        return {"train": rest, "val": share}
    val = from_memory(builder, request.val or "validation", keys)
    return {"train": train, "val": val}


def from_memory(builder: Any, split: str, keys: Keys) -> Source:
    """One split, read through."""
    from tensorflow_datasets import decode

    try:
        rows = builder.as_dataset(
            split=split, decoders={keys.image: decode.SkipDecoding()}
        )
    except AssertionError:  # TFDS's answer where nothing is prepared
        raise InputError(
            "the dataset must be prepared first, which may download it: "
            f"{command(builder)} Received: tfds:{builder.name}, which is not "
            f"in {builder.data_dir}"
        ) from None
    pairs = [
        (row[keys.image], row[keys.label]) for row in rows.as_numpy_iterator()
    ]
    images = [image for image, _ in pairs]
    with tf.device("CPU"):
        table = tf.constant(images)

    def fetch(index: Any) -> Any:
        return tf.gather(table, index)

    source = Source(
        class_names=keys.class_names,
        labels=np.array([label for _, label in pairs], np.int32),
        names=[f"{builder.name}-{split}[{i}]" for i in range(len(images))],
        fetch=fetch,
        encoded=True,
        natural_size=suitable_size(fetch, len(images)),
        indices=np.arange(len(images)),
        stamp=hashlib.sha256(b"".join(images)).hexdigest()[:24],
    )
    return checked(source, split, builder)


def command(builder: Any) -> str:
    """The command line that prepares a dataset."""
    version = f":{builder.version}"
    config = builder.builder_config
    name = (
        builder.name
        + (f"/{config.name}" if config and config.name else "")
        + version
    )
    folder = builder.data_dir_root
    return f"tfds build {name} --data_dir={folder}."
