"""TFRecord files as random access: where each record lies, and its label.

A TFRecord file is a row of

    length (8 bytes)  CRC of it (4)  the record  CRC of it (4)

so whoever knows a record's offset can read it alone, and a set of shards is as
good as a folder of files: a true shuffle, resuming at any step, any subset. One
pass over the shards notes every record's length and label and checks every CRC;
what it finds is kept in a hidden .npz file beside the shards, or in the user's
cache where that folder cannot be written to.

GZIP files cannot be entered in the middle. They are unpacked once, into the
user's cache, which needs the room for that.

Reading one record costs 0.2 to 0.3 ms of one core more than reading a file of
its own (109 KB on average, warm disk cache); decoding it takes ten times that.
"""

import concurrent.futures
import dataclasses
import gzip
import hashlib
import itertools
import os
import pathlib
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.errors import InputError
from kerastricks.files import replacing, user_cache

Tensor = Any
Progress = Callable[[int, int], None]

FRAME = 16  # bytes of a record's length and two CRCs
VERSION = 1  # goes up when the kept index changes its form
GZIP_MAGIC = b"\x1f\x8b\x08"
MULTI_HOT_KEY = "image/class/multi_hot"
MANIFEST = "manifest.json"  # of a folder that `pack` has written
BATCH = 32  # records parsed at a time
SHARDS_AT_ONCE = 8
MEGABYTE = 10**6


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """Where the records of some shards lie.

    Args:
        shards: plain TFRecord files, in order.
        names: what a report calls each of them.
        counts: records in each shard [S].
        lengths: bytes of each record [N], shard after shard.
        labels: int32 [N] as written, or float32 [N, C].
        texts: by the key of a text feature, the text of each label.
        stamp: changes with the shards.
    """

    shards: tuple[str, ...]
    names: tuple[str, ...]
    counts: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    texts: Mapping[str, Mapping[int, str]]
    stamp: str

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> np.ndarray:
        """The number of each shard's first record [S]."""
        return np.cumsum(self.counts) - self.counts

    @property
    def shard_of(self) -> np.ndarray:
        """The shard of each record [N]."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def offsets(self) -> np.ndarray:
        """Where each record begins in its shard [N]."""
        ends = np.concatenate([[0], np.cumsum(self.lengths + FRAME)])
        return ends[:-1] - ends[self.starts][self.shard_of]

    def record_names(self) -> list[str]:
        """`train-00001-of-00004.tfrecord[17]`, for each record."""
        return [
            f"{name}[{i}]"
            for name, count in zip(self.names, self.counts, strict=True)
            for i in range(count)
        ]


def index_records(
    shards: Sequence[str],
    *,
    image_key: str,
    label_key: str,
    text_keys: Sequence[str] = (),
    progress: Progress | None = None,
) -> RecordIndex:
    """The index of some shards, made now or kept from before.

    Args:
        label_key: a whole number, or a list of floats, one a class; where it
            is missing, `image/class/multi_hot` is read.
        text_keys: features that hold the name of the label, if there are any.
        progress: told (done, total) in megabytes.

    Example:
        index = index_records(paths, image_key="image", label_key="label")
        image = record_images(index, "image")(tf.constant(17))
    """
    keys = (image_key, label_key, *text_keys)
    stamp = fingerprint(shards, keys)
    plain = unpacked(shards, progress)
    arrays = kept_arrays(
        os.path.dirname(shards[0]),
        stamp,
        lambda: read_through(plain, keys, progress),
    )
    texts = {
        key: dict(
            zip(
                arrays[f"label of {key}"].tolist(),
                arrays[f"text of {key}"].tolist(),
                strict=True,
            )
        )
        for key in text_keys
        if f"text of {key}" in arrays
    }
    return RecordIndex(
        shards=plain,
        names=tuple(os.path.basename(shard) for shard in shards),
        counts=arrays["counts"],
        lengths=arrays["lengths"],
        labels=arrays["labels"],
        texts=texts,
        stamp=stamp,
    )


# One record


def record_images(
    index: RecordIndex, image_key: str
) -> Callable[[Tensor], Tensor]:
    """A fetch for `Source`: the number of a record -> its image's bytes."""
    table = np.stack([index.shard_of, index.offsets, index.lengths], axis=1)
    with tf.device("CPU"):
        paths = tf.constant([os.fsencode(path) for path in index.shards])
        places = tf.constant(table, tf.int64)

    def fetch(number: Tensor) -> Tensor:
        shard, offset, length = tf.unstack(tf.gather(places, number), num=3)
        record = read_record(tf.gather(paths, shard), offset, length)
        return image_of(record, image_key)

    return fetch


def read_record(path: Tensor, offset: Tensor, length: Tensor) -> Tensor:
    """The bytes of one record, its CRCs checked, by TensorFlow alone."""
    form: dict[str, Any] = dict(output_types=[tf.string], output_shapes=[[]])
    records = tf.raw_ops.TFRecordDatasetV2(
        filenames=path[None],
        compression_type="",
        buffer_size=length + FRAME,
        byte_offsets=offset[None],
    )
    first = tf.raw_ops.TakeDataset(input_dataset=records, count=1, **form)
    return tf.raw_ops.DatasetToSingleElement(dataset=first, **form)[0]


def image_of(record: Tensor, image_key: str) -> Tensor:
    """The image's bytes in a serialised tf.train.Example."""
    spec = {image_key: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_single_example(record, spec)[image_key]


# All records


def read_through(
    shards: Sequence[str], keys: Sequence[str], progress: Progress | None
) -> dict[str, np.ndarray]:
    """Lengths, labels and texts of every record of plain shards."""
    image_key, label_key, *text_keys = keys
    first = first_example(shards[0])
    spec = label_spec(first, image_key, label_key, shards[0])
    single = not list(spec.values())[0].shape
    spec |= {
        key: tf.io.FixedLenFeature([], tf.string, default_value="")
        for key in text_keys
        if single and first.features.feature[key].HasField("bytes_list")
    }
    notes = Notes(len(shards), spec, megabytes(shards), progress)
    try:
        for batch in all_batches(shards, spec):
            notes.add(*batch)
    except tf.errors.OpError as error:
        raise blame(shards, spec) or error from None
    return notes.arrays(shards)


def all_batches(shards: Sequence[str], spec: Mapping[str, Any]) -> Any:
    """(shard's number, lengths, parsed features), several shards at once."""

    def read(number: Tensor, path: Tensor) -> Any:
        records = tf.data.TFRecordDataset(path, buffer_size=MEGABYTE)
        return records.batch(BATCH).map(
            lambda rows: (
                number,
                tf.strings.length(rows),
                tf.io.parse_example(rows, spec),
            )
        )

    paths = [os.fsencode(path) for path in shards]
    numbered = tf.data.Dataset.from_tensor_slices((range(len(paths)), paths))
    return numbered.interleave(
        read,
        cycle_length=min(SHARDS_AT_ONCE, len(paths)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    ).as_numpy_iterator()


class Notes:
    """What the pass over the records finds, put in order."""

    def __init__(
        self,
        shards: int,
        spec: Mapping[str, Any],
        total: int,
        progress: Progress | None,
    ) -> None:
        self.label_key, *self.text_keys = spec
        self.lengths: list[list[np.ndarray]] = [[] for _ in range(shards)]
        self.labels: list[list[np.ndarray]] = [[] for _ in range(shards)]
        self.texts: dict[str, dict[int, bytes]] = {
            key: {} for key in self.text_keys
        }
        self.total = total
        self.progress = progress
        self.bytes_read = 0
        self.told = -1

    def add(
        self, shard: int, lengths: np.ndarray, parsed: Mapping[str, np.ndarray]
    ) -> None:
        """Takes note of some records of one shard."""
        labels = parsed[self.label_key]
        self.lengths[shard].append(lengths.astype(np.int64))
        self.labels[shard].append(labels)
        for key, table in self.texts.items():
            for label, text in zip(labels.tolist(), parsed[key], strict=True):
                table.setdefault(label, text)
        self.bytes_read += int(lengths.sum())
        done = self.bytes_read // MEGABYTE
        if self.progress and done > self.told and done < self.total:
            self.told = done
            self.progress(done, self.total)

    def arrays(self, shards: Sequence[str]) -> dict[str, np.ndarray]:
        """Everything, shard after shard."""
        counts = [sum(map(len, lengths)) for lengths in self.lengths]
        if 0 in counts:
            raise InputError(
                "every shard must hold records. Received: none in "
                f"{shards[counts.index(0)]}"
            )
        labels = np.concatenate(list(itertools.chain(*self.labels)))
        single = labels.ndim == 1
        bad = None if single else (labels != 0) & (labels != 1)
        if bad is not None and bad.any():
            record = int(np.flatnonzero(bad.any(axis=1))[0])
            shard = int(np.searchsorted(np.cumsum(counts), record, "right"))
            raise InputError(
                "labels of several classes must be 0 or 1. Received: "
                f"{labels[bad][0]:g} in {shards[shard]}"
            )
        arrays = {
            "counts": np.array(counts, np.int64),
            "lengths": np.concatenate(list(itertools.chain(*self.lengths))),
            "labels": labels.astype(np.int32 if single else np.float32),
        }
        for key, table in self.texts.items():
            if all(table.values()):
                arrays[f"label of {key}"] = np.array(list(table), np.int64)
                arrays[f"text of {key}"] = np.array(
                    [text.decode("utf-8", "replace") for text in table.values()]
                )
        if self.progress:
            self.progress(self.total, self.total)
        return arrays


def first_example(shard: str) -> Any:
    """The first record of a shard."""
    try:
        for record in tf.data.TFRecordDataset(shard).take(1):
            return tf.train.Example.FromString(record.numpy())
    except tf.errors.OpError as error:
        raise broken(shard, 0, error) from None
    except Exception as error:  # protobuf's DecodeError has no stable home
        raise InputError(
            f"records must be tf.train.Example messages ({error}). "
            f"Received: {shard}"
        ) from None
    raise InputError(
        f"every shard must hold records. Received: none in {shard}"
    )


def label_spec(
    example: Any, image_key: str, label_key: str, shard: str
) -> dict[str, Any]:
    """How to parse the label, judged by the first record."""
    feature = example.features.feature
    if image_key not in feature:
        raise missing("image", image_key, example, shard)
    if label_key not in feature and MULTI_HOT_KEY in feature:
        label_key = MULTI_HOT_KEY
    if label_key not in feature:
        raise missing("label", label_key, example, shard)
    values = feature[label_key]
    if len(values.int64_list.value) == 1:
        return {label_key: tf.io.FixedLenFeature([], tf.int64)}
    classes = len(values.float_list.value)
    if classes < 2:
        raise InputError(
            "a label must be one whole number, or a float for each class. "
            f"Received: {str(values).split() or 'nothing'} as {label_key} in "
            f"{shard}"
        )
    return {label_key: tf.io.FixedLenFeature([classes], tf.float32)}


def missing(what: str, key: str, example: Any, shard: str) -> InputError:
    """The error for a feature that is not there."""
    return InputError(
        f"records must hold the {what} as {key}; name another feature with "
        f"--{what}_key. Received: "
        f"{', '.join(sorted(example.features.feature)) or 'no feature'} in "
        f"{shard}"
    )


def blame(shards: Sequence[str], spec: Mapping[str, Any]) -> InputError | None:
    """The error that names the first shard that cannot be read."""
    for shard in shards:
        number = 0
        try:
            for record in tf.data.TFRecordDataset(shard):
                tf.io.parse_single_example(record, spec)
                number += 1
        except tf.errors.OpError as error:
            return broken(shard, number, error)
    return None


def broken(shard: str, number: int, error: tf.errors.OpError) -> InputError:
    """The error that names a shard and the record at which reading failed."""
    return InputError(
        "a shard must be a whole TFRecord file of records with the same "
        f"features. Received: {shard}, record {number}: {reason_of(error)}"
    )


def reason_of(error: tf.errors.OpError) -> str:
    """TensorFlow's reason in one line, the names of its nodes left out."""
    reason = re.sub(r"\{\{.*?\}\} ?", "", str(error.message))
    return reason.split(" [Op:")[0].strip().split("\n")[0]


# What is kept between runs


def kept_arrays(
    beside: str, stamp: str, make: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Arrays of an earlier run, else made now and kept.

    Args:
        beside: the folder to keep them in, if it can be written to.
    """
    name = f".index-{stamp}.npz"
    places = [user_cache() / "records" / name]
    if "://" not in beside:
        places.insert(0, pathlib.Path(beside, name))
    for path in places:
        try:
            with open(path, "rb") as file:
                return dict(np.load(file, allow_pickle=False))
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
            continue
    arrays: dict[str, Any] = make()
    for path in places:
        try:
            with replacing(path) as partial:
                np.savez(partial, **arrays)
            break
        except OSError:
            if path == places[-1]:
                raise
    return arrays


def fingerprint(shards: Sequence[str], keys: Sequence[str]) -> str:
    """Of the shards (names, sizes, times of change) and what is read of them.

    Not of where they lie: a copy that keeps the times is the same.
    """
    total = hashlib.sha256(f"{VERSION}|{'|'.join(keys)}".encode())
    for shard in shards:
        total.update(f"|{os.path.basename(shard)}".encode("utf-8", "replace"))
        total.update(file_state(shard).encode())
    return total.hexdigest()[:24]


def file_state(path: str) -> str:
    """Size and time of change, as a text."""
    about = tf.io.gfile.stat(path)
    return f"|{about.length}|{about.mtime_nsec}"


def megabytes(shards: Sequence[str]) -> int:
    """Size of all shards, at least 1."""
    size = sum(tf.io.gfile.stat(shard).length for shard in shards)
    return -(-size // MEGABYTE)


# GZIP


def unpacked(
    shards: Sequence[str], progress: Progress | None = None
) -> tuple[str, ...]:
    """The shards as plain TFRecord files: themselves, or their unpacked copies.

    Args:
        progress: told (done, total) in megabytes while there is one to unpack.
    """
    packed = [shard for shard in shards if is_gzip(shard)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        copies = {}
        for shard, copy in zip(packed, pool.map(unpack, packed), strict=True):
            copies[shard] = copy
            if progress:
                progress(megabytes(list(copies)), megabytes(packed))
    return tuple(copies.get(shard, shard) for shard in shards)


def is_gzip(shard: str) -> bool:
    """Whether a file begins as GZIP does, and not as a record that long."""
    with tf.io.gfile.GFile(shard, "rb") as file:
        if file.read(len(GZIP_MAGIC)) != GZIP_MAGIC:
            return False
    try:
        return not list(tf.data.TFRecordDataset(shard).take(1))
    except tf.errors.DataLossError:
        return True


def unpack(shard: str) -> str:
    """A plain copy of a GZIP file in the user's cache."""
    folder = user_cache() / "records"
    state = f"{os.path.abspath(shard)}{file_state(shard)}"
    name = hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()[:24]
    copy = folder / f"{name}.tfrecord"
    if copy.is_file():
        return str(copy)
    try:
        with replacing(copy) as partial, open(partial, "wb") as plain:
            with tf.io.gfile.GFile(shard, "rb") as file:
                with gzip.GzipFile(fileobj=file) as packed:
                    shutil.copyfileobj(packed, plain, MEGABYTE)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"a GZIP shard must be whole ({error}). Received: {shard}"
        ) from None
    return str(copy)
