"""TFRecord files as random access: places, labels, what is kept, GZIP."""

import gzip
import os
import pathlib
import struct

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import records
from kerastricks.data.records import index_records, record_images
from kerastricks.errors import InputError

IMAGES = [bytes([65 + i]) * (3 + 50 * i) for i in range(7)]
LABELS = [4, 2, 2, 9, 4, 0, 9]


def feature(value):
    if isinstance(value, bytes):
        values = tf.train.BytesList(value=[value])
        return tf.train.Feature(bytes_list=values)
    if isinstance(value, list):
        return tf.train.Feature(float_list=tf.train.FloatList(value=value))
    values = tf.train.Int64List(value=[value])
    return tf.train.Feature(int64_list=values)


def record(**values):
    features = {key: feature(value) for key, value in values.items()}
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString(deterministic=True)


def write(path, rows):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            writer.write(row)
    return str(path)


@pytest.fixture(autouse=True)
def user_cache(tmp_path, monkeypatch):
    folder = tmp_path / "user"
    monkeypatch.setenv("KERASTRICKS_CACHE", str(folder))
    return folder


@pytest.fixture
def shards(tmp_path):
    """Three and four records."""
    rows = [
        record(image=image, label=label, text=f"class {label}".encode())
        for image, label in zip(IMAGES, LABELS, strict=True)
    ]
    return [
        write(tmp_path / "a.tfrecord", rows[:3]),
        write(tmp_path / "b.tfrecord", rows[3:]),
    ]


def index_of(shards, **values):
    values = {"image_key": "image", "label_key": "label", **values}
    return index_records(shards, **values)


def refusal(shards, **values):
    with pytest.raises(InputError) as caught:
        index_of(shards, **values)
    return str(caught.value)


def fetched(index, key="image"):
    fetch = tf.function(record_images(index, key))
    return [fetch(tf.constant(i)).numpy() for i in range(len(index))]


def places(path):
    """(offset, length) of each record, by the format's own description."""
    data = pathlib.Path(path).read_bytes()
    found, offset = [], 0
    while offset < len(data):
        length = struct.unpack("<Q", data[offset : offset + 8])[0]
        found.append((offset, length))
        offset += 8 + 4 + length + 4
    return found


def test_places_labels_and_images(shards):
    index = index_of(shards)
    expected = [places(shard) for shard in shards]
    assert index.counts.tolist() == [3, 4] and len(index) == 7
    assert index.starts.tolist() == [0, 3]
    assert index.shard_of.tolist() == [0, 0, 0, 1, 1, 1, 1]
    found = zip(index.offsets, index.lengths, strict=True)
    assert list(found) == expected[0] + expected[1]
    assert index.labels.tolist() == LABELS and index.labels.dtype == np.int32
    assert fetched(index) == IMAGES
    assert index.record_names()[2:4] == ["a.tfrecord[2]", "b.tfrecord[0]"]


def test_many_shards_of_unlike_length_keep_their_order(tmp_path):
    counts = [40, 1, 75, 33, 2, 64, 5, 31, 32, 3, 90]
    labels = iter(range(1000))
    shards = [
        write(
            tmp_path / f"{i:02d}",
            [record(image=b"x", label=next(labels)) for _ in range(count)],
        )
        for i, count in enumerate(counts)
    ]
    index = index_of(shards)
    assert index.counts.tolist() == counts
    assert index.labels.tolist() == list(range(sum(counts)))


def test_texts_of_labels(shards, tmp_path):
    keys = ("text", "absent")
    for _ in range(2):  # read, and kept from before
        texts = index_of(shards, text_keys=keys).texts
        assert texts == {"text": {i: f"class {i}" for i in (4, 2, 9, 0)}}
    some = write(
        tmp_path / "some",
        [record(image=b"", label=0, text=b"a"), record(image=b"", label=1)],
    )
    assert index_of([some], text_keys=("text",)).texts == {}


@pytest.mark.parametrize("key", ["label", records.MULTI_HOT_KEY])
def test_lists_of_floats_are_labels_of_several_classes(tmp_path, key):
    rows = [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    shard = write(
        tmp_path / "s",
        [record(**{"image": b"x", "text": b"t", key: row}) for row in rows],
    )
    index = index_of([shard], text_keys=("text",))
    assert index.labels.tolist() == rows
    assert index.labels.dtype == np.float32
    assert index.texts == {}


def test_progress_counts_megabytes(tmp_path):
    rows = [record(image=bytes(600_000), label=i) for i in range(5)]
    shard = write(tmp_path / "s", rows)
    told = []
    index_of([shard], progress=lambda *call: told.append(call))
    assert told[-1] == (4, 4) and told == sorted(set(told))


# What is kept


def test_index_is_kept_beside_the_shards(shards, tmp_path, monkeypatch):
    first = index_of(shards)
    kept = [path.name for path in tmp_path.glob(".*")]
    assert kept == [f".index-{first.stamp}.npz"]
    monkeypatch.setattr(records, "read_through", None)
    second = index_of(shards)
    for name in ("counts", "lengths", "labels"):
        np.testing.assert_array_equal(
            getattr(first, name), getattr(second, name)
        )
    assert fetched(second) == IMAGES


def test_index_follows_the_shards_and_the_keys(shards):
    first = index_of(shards)
    assert index_of(shards, text_keys=("text",)).stamp != first.stamp
    write(shards[1], [record(image=b"new", label=8)])
    second = index_of(shards)
    assert second.stamp != first.stamp
    assert second.labels.tolist() == [4, 2, 2, 8]
    assert fetched(second)[3] == b"new"


def test_index_is_kept_in_the_cache_if_the_folder_is_read_only(
    shards, tmp_path, user_cache, monkeypatch
):
    def replacing(path, real=records.replacing):
        if path.parent == tmp_path:  # root may write anywhere, so by hand
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(records, "replacing", replacing)
    index = index_of(shards)
    assert not list(tmp_path.glob(".*"))
    assert os.listdir(user_cache / "records") == [f".index-{index.stamp}.npz"]
    monkeypatch.setattr(records, "read_through", None)
    assert index_of(shards).labels.tolist() == LABELS


def test_broken_index_is_made_again(shards, tmp_path):
    index_of(shards)
    (kept,) = tmp_path.glob(".*")
    kept.write_bytes(kept.read_bytes()[:100])
    assert index_of(shards).labels.tolist() == LABELS
    with np.load(kept) as arrays:
        assert len(arrays["labels"]) == 7


# GZIP


def test_gzip_is_unpacked_once(shards, tmp_path, user_cache):
    packed = tmp_path / "b.gz"
    packed.write_bytes(gzip.compress(pathlib.Path(shards[1]).read_bytes()))
    for _ in range(2):
        index = index_of([shards[0], str(packed)])
        assert fetched(index) == IMAGES
        assert index.names == ("a.tfrecord", "b.gz")
        (copy,) = (user_cache / "records").iterdir()
        assert index.shards == (shards[0], str(copy))
    before = copy.stat().st_mtime_ns
    index_of([shards[0], str(packed)], text_keys=("text",))
    assert copy.stat().st_mtime_ns == before


def test_gzip_as_tensorflow_writes_it(tmp_path):
    path = tmp_path / "s"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        writer.write(record(image=b"first", label=0))
    assert fetched(index_of([str(path)])) == [b"first"]


def test_record_as_long_as_the_magic_number_is_no_gzip(tmp_path):
    empty = len(record(image=b"x" * 500_000, label=0)) - 500_000
    size = int.from_bytes(records.GZIP_MAGIC, "little")
    path = write(tmp_path / "s", [record(image=b"x" * (size - empty), label=0)])
    assert pathlib.Path(path).read_bytes()[:3] == records.GZIP_MAGIC
    assert index_of([path]).lengths.tolist() == [size]


def test_truncated_gzip_is_named(shards, tmp_path, user_cache):
    packed = tmp_path / "b.gz"
    whole = gzip.compress(pathlib.Path(shards[1]).read_bytes())
    packed.write_bytes(whole[:-20])
    message = refusal([str(packed)])
    assert message.startswith("a GZIP shard must be whole (")
    assert message.endswith(f"Received: {packed}")
    assert not list((user_cache / "records").iterdir())


# What is refused


def test_truncated_shard_is_named(shards):
    whole = pathlib.Path(shards[1]).read_bytes()
    pathlib.Path(shards[1]).write_bytes(whole[:-30])
    assert refusal(shards).startswith(
        "a shard must be a whole TFRecord file of records with the same "
        f"features. Received: {shards[1]}, record 3: "
    )


def test_flipped_bit_is_found(shards):
    data = bytearray(pathlib.Path(shards[1]).read_bytes())
    data[places(shards[1])[2][0] + 40] ^= 1
    pathlib.Path(shards[1]).write_bytes(data)
    assert f"Received: {shards[1]}, record 2: corrupted" in refusal(shards)


def test_record_read_alone_has_its_crc_checked(shards):
    index = index_of(shards)
    offset, _ = places(shards[1])[2]
    with open(shards[1], "r+b") as file:
        file.seek(offset + 40)
        file.write(b"\xff")
    fetch = record_images(index, "image")
    with pytest.raises(tf.errors.DataLossError):
        fetch(tf.constant(5))
    assert fetch(tf.constant(6)).numpy() == IMAGES[6]


def test_record_without_a_label_is_named(shards):
    rows = [record(image=b"x", label=1), record(image=b"x")]
    message = refusal([shards[0], write(shards[1], rows)])
    assert f"Received: {shards[1]}, record 1: " in message


@pytest.mark.parametrize(
    "values, message",
    [
        (
            {"picture": b"x", "label": 1},
            "records must hold the image as image; name another feature with "
            "--image_key. Received: label, picture in ",
        ),
        (
            {"image": b"x"},
            "records must hold the label as label; name another feature with "
            "--label_key. Received: image in ",
        ),
        (
            {"image": b"x", "label": b"cat"},
            "a label must be one whole number, or a float for each class. "
            "Received: ",
        ),
    ],
)
def test_records_of_another_make(tmp_path, values, message):
    assert refusal([write(tmp_path / "s", [record(**values)])]).startswith(
        message
    )


def test_file_of_another_kind_or_empty(shards, tmp_path):
    other = tmp_path / "other"
    other.write_text("This is a text and nothing else, for all I know.")
    assert f"Received: {other}, record 0" in refusal([str(other)])
    empty = write(tmp_path / "empty", [])
    for some in ([empty], [shards[0], empty]):
        assert refusal(some) == (
            f"every shard must hold records. Received: none in {empty}"
        )
    junk = write(tmp_path / "junk", [b"\xff\xff junk"])
    assert "tf.train.Example" in refusal([junk])
