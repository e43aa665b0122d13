"""Any source to TFRecord shards in ImageNet's layout, verified as written.

    train-00000-of-00064.tfrecord ...   val-00000-of-00008.tfrecord ...
    classes.txt     a class name a line, in the order of the labels
    manifest.json   what was packed and how, and each finished shard

Every shard is written under a hidden name, read again (CRCs, the number of
records, the sha256 of all their bytes), moved to its place and noted in the
manifest. So whatever stops it, the next start goes on with the first shard that
is missing, and the files are the same to the byte.
"""

import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data.decode import DECODER_VERSION, MAX_PIXELS, decode
from kerastricks.data.records import MANIFEST, MULTI_HOT_KEY, reason_of
from kerastricks.data.resize import resize
from kerastricks.data.sources.source import Source, stamp_of
from kerastricks.errors import InputError, RunError
from kerastricks.files import replacing, write_text

Progress = Callable[[int, int], None]

IMAGES_IN_SHARD = 1250  # ImageNet's 1,281,167 in 1,024 files
FORMATS = {
    b"\xff\xd8\xff": b"JPEG",
    b"\x89PNG": b"PNG",
    b"GIF8": b"GIF",
    b"BM": b"BMP",
    b"RIFF": b"WEBP",
}


@dataclasses.dataclass(frozen=True)
class Packing:
    """How images become records.

    Args:
        shards: files of training images; 0: one for each 1,250 images.
            Validation gets as many as make its files about as large.
        resize_short: longest short side; larger images are resized and become
            JPEGs, all others keep their bytes. 0: keep all as they are.
        quality: of those JPEGs.
        seed: of the order of the records.
        on_bad_image: `error` or `skip`, for what does not decode.
        exif: whether what is resized is turned as its EXIF orientation says.
        max_pixels: larger images are bad ones; 0 for no limit.
    """

    shards: int = 0
    resize_short: int = 0
    quality: int = 95
    seed: int = 0
    on_bad_image: str = "error"
    exif: bool = True
    max_pixels: int = MAX_PIXELS

    def validate(self) -> "Packing":
        """Refuses what makes no sense."""
        rules = {
            "shards": self.shards >= 0,
            "resize_short": self.resize_short >= 0,
            "quality": 1 <= self.quality <= 100,
            "seed": 0 <= self.seed < 2**32,
        }
        for name, good in rules.items():
            if not good:
                raise InputError(
                    "shards and resize_short must be at least 0, quality 1 to "
                    f"100, seed 0 to 2^32 - 1. Received: "
                    f"{name}={getattr(self, name)}"
                )
        return self


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file to write: which images of which source."""

    name: str
    source: Source
    chosen: np.ndarray
    fetch: Callable[[Any], Any]
    convert: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Packed:
    """What a finished pack holds."""

    shards: int
    images: int
    size: int
    skipped: tuple[str, ...]


def pack(
    splits: Mapping[str, Source],
    output: pathlib.Path,
    packing: Packing,
    progress: Progress | None = None,
) -> Packed:
    """Writes what is missing of the shards of all splits.

    Args:
        progress: told (done, total) in images.

    Example:
        splits = open_splits("folder:flowers")
        pack(splits, pathlib.Path("flowers.records"), Packing(shards=64))
    """
    shards = plan(splits, packing.validate())
    manifest = Manifest.begin(output, identity(splits, packing))
    class_names = splits["train"].class_names
    write_class_names(output / "classes.txt", class_names)
    left = [shard for shard in shards if not manifest.has(shard.name)]
    count = Counter(
        sum(len(shard.chosen) for shard in shards),
        sum(len(shard.chosen) for shard in left),
        progress,
    )
    skip_bad = packing.on_bad_image == "skip"
    in_parallel(
        left,
        lambda shard: write_shard(shard, skip_bad, manifest, count),
        count,
    )
    manifest.finish()
    notes = [manifest.shards[shard.name] for shard in shards]
    return Packed(
        shards=len(shards),
        images=sum(note["images"] for note in notes),
        size=sum(note["size"] for note in notes),
        skipped=tuple(name for note in notes for name in note["skipped"]),
    )


# What goes where


def plan(splits: Mapping[str, Source], packing: Packing) -> list[Shard]:
    """The shards of all splits, their images in a seeded order."""
    total = len(splits["train"])
    shards = packing.shards or -(-total // IMAGES_IN_SHARD)
    if shards > total:
        raise InputError(
            "shards must not exceed the number of training images. "
            f"Received: shards={shards}, {total} images"
        )
    planned = []
    for split, source in splits.items():
        count = max(1, -(-shards * len(source) // total))
        count = min(count, len(source))
        fetch = tf.function(source.fetch)
        convert = converter(source.encoded, packing)
        order = np.random.RandomState(packing.seed).permutation(len(source))
        for number, chosen in enumerate(np.array_split(order, count)):
            name = f"{split}-{number:05d}-of-{count:05d}.tfrecord"
            planned.append(Shard(name, source, chosen, fetch, convert))
    return planned


def identity(splits: Mapping[str, Source], packing: Packing) -> dict[str, Any]:
    """What a pack is made of; another one must not be mixed with it."""
    return {
        "options": dataclasses.asdict(packing),
        "sources": {
            split: source_stamp(source) for split, source in splits.items()
        },
        "decoder": f"{DECODER_VERSION}, TensorFlow {tf.__version__}"
        if packing.resize_short
        else "",
    }


def source_stamp(source: Source) -> str:
    """Changes with the images, their order, labels or names."""
    total = hashlib.sha256(stamp_of(source).encode())
    total.update("\n".join(source.class_names).encode())
    for array in (source.labels, source.indices):
        total.update(f"{array.dtype}{array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:24]


def write_class_names(path: pathlib.Path, names: tuple[str, ...]) -> None:
    """One name a line."""
    broken = [name for name in names if "\n" in name or "\r" in name]
    if broken:
        raise InputError(
            f"a class name must be one line. Received: {broken[0]!r}"
        )
    text = "".join(f"{name}\n" for name in names)
    with replacing(path) as partial:
        partial.write_bytes(text.encode())


class Manifest:
    """The record of finished shards; threads may share it."""

    def __init__(
        self, path: pathlib.Path, about: dict[str, Any], shards: dict[str, Any]
    ) -> None:
        self.path = path
        self.about = about
        self.shards = shards
        self.finished = False
        self.lock = threading.Lock()

    @classmethod
    def begin(cls, output: pathlib.Path, about: dict[str, Any]) -> "Manifest":
        """A new one, or that of an interrupted pack of the same."""
        path = output / MANIFEST
        if not path.is_file():
            if output.exists() and (
                not output.is_dir() or any(output.iterdir())
            ):
                raise InputError(
                    "output must be a new or empty folder, or hold an "
                    f"unfinished pack of the same. Received: output={output}"
                )
            output.mkdir(parents=True, exist_ok=True)
            manifest = cls(path, about, {})
            manifest.write()
            return manifest
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            shards = kept.pop("shards")
            kept.pop("finished")
        except (ValueError, KeyError, AttributeError) as error:
            raise InputError(
                f"the manifest cannot be read ({error}). Received: {path}"
            ) from None
        if kept != about:
            raise InputError(
                "output holds a pack of other data or with other options; "
                "give another folder. Received: "
                f"output={output}, {difference(kept, about)}"
            )
        for stale in output.iterdir():  # of a process that was killed
            if re.fullmatch(r"\.[0-9a-f]{8}\..*\.tfrecord", stale.name):
                stale.unlink(missing_ok=True)
        return cls(path, about, shards)

    def has(self, name: str) -> bool:
        """Whether a shard is finished, and there."""
        path = self.path.with_name(name)
        note = self.shards.get(name)
        return (
            note is not None
            and path.is_file()
            and path.stat().st_size == note["size"]
        )

    def add(self, name: str, note: dict[str, Any]) -> None:
        """Notes a finished shard."""
        with self.lock:
            self.shards[name] = note
            self.write()

    def finish(self) -> None:
        """Notes that nothing is missing."""
        self.finished = True
        self.write()

    def write(self) -> None:
        shards = dict(sorted(self.shards.items()))
        everything = {
            **self.about,
            "finished": self.finished,
            "shards": shards,
        }
        write_text(self.path, json.dumps(everything, indent=1) + "\n")


def difference(kept: dict[str, Any], about: dict[str, Any]) -> str:
    """In which options, or else that in the data, two packs differ."""
    before, now = kept.get("options", {}), about["options"]
    changed = [
        f"{name}={value}, before: {before.get(name)}"
        for name, value in now.items()
        if before.get(name) != value
    ]
    return "; ".join(changed) or "whose images are others"


# Writing


class Counter:
    """Images done, told to the progress; threads share it."""

    def __init__(
        self, total: int, left: int, progress: Progress | None
    ) -> None:
        self.total = total
        self.done = total - left
        self.progress = progress
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    def step(self) -> None:
        """One more."""
        with self.lock:
            self.done += 1
            if self.progress:
                self.progress(self.done, self.total)


def in_parallel(
    shards: list[Shard], write: Callable[[Shard], None], count: Counter
) -> None:
    """Writes shards on all cores; the first failure stops the others."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = [pool.submit(write, shard) for shard in shards]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:
            count.stopped.set()
            for future in futures:
                future.cancel()
            raise


def write_shard(
    shard: Shard, skip_bad: bool, manifest: Manifest, count: Counter
) -> None:
    """Writes one file, verifies it and notes it."""
    path = manifest.path.with_name(shard.name)
    total = hashlib.sha256()
    images = 0
    skipped: list[str] = []
    with replacing(path) as partial:
        with tf.io.TFRecordWriter(str(partial)) as writer:
            for record in records(shard, skipped if skip_bad else None, count):
                writer.write(record)
                total.update(record)
                images += 1
        if not images:
            raise InputError(
                "a shard needs images that decode; take fewer shards. "
                f"Received: none in {shard.name}, e.g. {skipped[0]}"
            )
        verify(partial, shard.name, images, total.hexdigest())
        size = partial.stat().st_size
    note = {"images": images, "size": size, "sha256": total.hexdigest()}
    manifest.add(shard.name, {**note, "skipped": skipped})


def verify(path: pathlib.Path, name: str, images: int, sha256: str) -> None:
    """Reads a file again and compares."""
    total = hashlib.sha256()
    found = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            total.update(record)
            found += 1
    except tf.errors.DataLossError as error:
        raise RunError(
            "a shard does not read as it was written. Received: "
            f"{name}: {reason_of(error)}"
        ) from None
    if (found, total.hexdigest()) != (images, sha256):
        raise RunError(
            "a shard does not read as it was written. Received: "
            f"{found} of {images} records, or other bytes, in {name}"
        )


# Records


def records(
    shard: Shard, skipped: list[str] | None, count: Counter
) -> Iterator[bytes]:
    """The serialised records of one shard.

    Args:
        skipped: takes the names of bad images; None: they are refused.
    """
    for place in shard.chosen:
        if count.stopped.is_set():  # another thread has failed
            raise concurrent.futures.CancelledError
        index = tf.constant(shard.source.indices[place], tf.int64)
        try:
            with tf.device("CPU"):
                data, sides = shard.convert(shard.fetch(index))
        except tf.errors.OpError as error:
            name = shard.source.names[place]
            if skipped is None:
                raise bad_image(name, error) from None
            skipped.append(name)
        else:
            yield example(shard.source, place, data.numpy(), sides.numpy())
        count.step()


def bad_image(name: str, error: tf.errors.OpError) -> InputError:
    """The error that names an image."""
    return InputError(
        "every image must decode; mend or remove it, or leave such images out "
        f"with --on_bad_image=skip. Received: {name} ({reason_of(error)})"
    )


@functools.cache  # tracing the decoder takes seconds
def converter(encoded: bool, packing: Packing) -> Callable[[Any], Any]:
    """A graph: what a source fetches -> (bytes to keep, height and width)."""

    resize_short = packing.resize_short

    def resized(image: Any, sides: Any) -> Any:
        new = sides * resize_short // tf.reduce_min(sides)
        small = resize(image, new[0], new[1])
        return tf.io.encode_jpeg(small, "rgb", quality=packing.quality), new

    def convert(data: Any) -> Any:
        image = data
        if encoded:
            image = decode(data, packing.exif, packing.max_pixels)
        sides = tf.shape(image)[:2]

        def kept() -> Any:
            return data if encoded else tf.io.encode_png(data), sides

        if not resize_short:
            return kept()
        return tf.cond(
            tf.reduce_min(sides) > resize_short,
            lambda: resized(image, sides),
            kept,
        )

    spec = (
        tf.TensorSpec([], tf.string)
        if encoded
        else tf.TensorSpec([None, None, 3], tf.uint8)
    )
    return tf.function(convert, input_signature=[spec])


def example(
    source: Source, place: int, data: bytes, sides: np.ndarray
) -> bytes:
    """One record, its features in a fixed order."""
    name = os.path.basename(source.names[place])
    features = {
        "image/encoded": texts(data),
        "image/format": texts(format_of(data)),
        "image/height": numbers(sides[0]),
        "image/width": numbers(sides[1]),
        "image/filename": texts(os.fsencode(name)),
    }
    label = source.labels[place]
    if source.multi_label:
        floats = tf.train.FloatList(value=label.tolist())
        features[MULTI_HOT_KEY] = tf.train.Feature(float_list=floats)
    else:
        text = source.class_names[label].encode()
        features["image/class/label"] = numbers(label)
        features["image/class/text"] = texts(text)
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString(deterministic=True)


def texts(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def numbers(value: Any) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))


def format_of(data: bytes) -> bytes:
    """The name of an image's format, as ImageNet's records have it."""
    for start, name in FORMATS.items():
        if data.startswith(start):
            return name
    return b""
