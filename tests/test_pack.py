"""python -m kerastricks.pack: any source to TFRecords and back."""

import dataclasses
import hashlib
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from kerastricks import pack
from kerastricks.data import open_splits, packing, train_pipeline
from kerastricks.data.packing import Packing
from kerastricks.data.records import MANIFEST, MULTI_HOT_KEY
from kerastricks.errors import InputError, RunError


@pytest.fixture(autouse=True)
def user_cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("KERASTRICKS_CACHE", str(folder))


@pytest.fixture(autouse=True)
def any_device(monkeypatch):
    """The command hides GPUs, which must happen before TensorFlow's start."""
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *_: None)


@pytest.fixture
def packed(image_folder, tmp_path):
    """The test's folder of images in five and two files."""
    output = tmp_path / "packed"
    pack.main([f"--data=folder:{image_folder}", f"--output={output}", *FIVE])
    return output


FIVE = ["--shards=5"]


def fetched(source):
    fetch = tf.function(source.fetch)
    return [fetch(tf.constant(int(i))).numpy() for i in source.indices]


def rows(path):
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        yield tf.train.Example.FromString(record).features.feature


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refusal(*argv):
    with pytest.raises(InputError) as caught:
        pack.main(argv)
    return str(caught.value)


def test_round_trip_of_a_folder(packed, image_folder):
    before = open_splits(f"folder:{image_folder}")
    after = open_splits(f"tfrecord:{packed}")
    for split in ("train", "val"):
        old, new = before[split], after[split]
        assert new.class_names == old.class_names == ("blue", "green", "red")
        expected = [
            (pathlib.Path(name).read_bytes(), label)
            for name, label in zip(old.names, old.labels, strict=True)
        ]
        found = list(zip(fetched(new), new.labels.tolist(), strict=True))
        assert sorted(found) == sorted(expected)
        assert found != expected  # shuffled


def test_files_and_features(packed, image_folder):
    counts = {"train": 5, "val": 2}  # 48 and 18 images
    names = [
        f"{split}-{i:05d}-of-{count:05d}.tfrecord"
        for split, count in counts.items()
        for i in range(count)
    ]
    about = {"classes.txt", MANIFEST}
    assert set(contents(packed)) == {*names, *about}
    assert (packed / "classes.txt").read_text() == "blue\ngreen\nred\n"
    sizes = [len(list(rows(packed / name))) for name in names]
    assert sizes == [10, 10, 10, 9, 9, 9, 9]
    order = np.random.RandomState(0).permutation(48)
    old = open_splits(f"folder:{image_folder}")["train"]
    for place, feature in zip(order, rows(packed / names[0]), strict=False):
        data = pathlib.Path(old.names[place]).read_bytes()
        height, width, _ = tf.io.decode_jpeg(data).shape
        label = int(old.labels[place])
        expected = {
            "image/encoded": data,
            "image/format": b"JPEG",
            "image/filename": pathlib.Path(old.names[place]).name.encode(),
            "image/class/text": old.class_names[label].encode(),
            "image/class/label": label,
            "image/height": height,
            "image/width": width,
        }
        found = {
            key: (value.bytes_list.value or value.int64_list.value)[0]
            for key, value in feature.items()
        }
        assert found == expected


def test_training_on_a_pack(packed, image_folder):
    """The same images make the same batches, in whatever order they lie."""

    def sums(spec):
        batches = train_pipeline(
            open_splits(spec)["train"],
            image_size=16,
            batch_size=12,
            train_crop="center",
        )
        return sorted(
            (int(label), int(image.astype(np.int64).sum()))
            for inputs, labels in batches.as_numpy_iterator()
            for image, label in zip(inputs["image"], labels, strict=True)
        )

    found = sums(f"tfrecord:{packed}")
    assert len(found) == 48 and len(set(found)) > 40
    assert found == sums(f"folder:{image_folder}")


# Stopped and started again


def stop_after(images):
    """A progress that interrupts."""

    def progress(done, total):
        if done == images:
            raise KeyboardInterrupt

    return progress


def test_interrupted_pack_goes_on_to_the_same_bytes(
    packed, image_folder, tmp_path, monkeypatch
):
    # More threads might be stopped before any of them finishes a file.
    monkeypatch.setattr(packing.os, "cpu_count", lambda: 2)
    splits = open_splits(f"folder:{image_folder}")
    output = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        packing.pack(splits, output, Packing(shards=5), stop_after(35))
    manifest = json.loads((output / MANIFEST).read_text())
    done = set(manifest["shards"])
    assert 1 <= len(done) < 7 and not manifest["finished"]
    assert set(contents(output)) == {*done, "classes.txt", MANIFEST}
    assert "start the same command again" in unreadable(output)
    # What a killed process may leave besides.
    (output / ".0123abcd.train-00004-of-00005.tfrecord").write_bytes(b"half")
    (output / "val-00001-of-00002.tfrecord").write_bytes(b"not noted")

    written = []

    def write_shard(shard, *others, real=packing.write_shard):
        written.append(shard.name)
        real(shard, *others)

    monkeypatch.setattr(packing, "write_shard", write_shard)
    told = []
    packing.pack(
        splits, output, Packing(shards=5), lambda *call: told.append(call)
    )
    assert done.isdisjoint(written) and len(done) + len(written) == 7
    assert contents(output) == contents(packed)
    first = sum(note["images"] for note in manifest["shards"].values()) + 1
    assert told == [(i, 66) for i in range(first, 67)]


def unreadable(folder):
    with pytest.raises(InputError) as caught:
        open_splits(f"tfrecord:{folder}")
    return str(caught.value)


def test_lost_shard_is_written_again(packed, image_folder, capsys):
    before = contents(packed)
    (packed / "train-00002-of-00005.tfrecord").unlink()
    argv = [f"--data=folder:{image_folder}", f"--output={packed}", *FIVE]
    pack.main(argv)
    assert contents(packed) == before
    capsys.readouterr()
    pack.main(argv)  # nothing is left to do
    about = sum(len(data) for name, data in before.items() if "-of-" in name)
    assert capsys.readouterr().out.splitlines() == [
        f"packed  66 images in 7 files  {packed}  "
        f"{about / 1e6:,.1f} MB, verified",
        f"train on it with --data=tfrecord:{packed}",
    ]


def test_another_pack_is_not_mixed_with_it(packed, image_folder, tmp_path):
    same = [f"--data=folder:{image_folder}", f"--output={packed}"]
    before = contents(packed)
    assert refusal(*same, "--shards=6").endswith(
        f"output={packed}, shards=6, before: 5"
    )
    other = tmp_path / "other"
    splits = open_splits(f"folder:{image_folder}", val_fraction=0.5)
    splits["train"] = splits["train"].subset(np.arange(40))
    with pytest.raises(InputError, match="whose images are others"):
        packing.pack(splits, packed, Packing(shards=5))
    assert contents(packed) == before
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    assert "new or empty folder" in refusal(same[0], f"--output={other}")
    assert contents(other) == {"thesis.txt": b"years of work"}


# Verified


def test_shard_that_reads_otherwise_is_not_kept(
    image_folder, tmp_path, monkeypatch
):
    def verify(path, *others, real=packing.verify):
        data = bytearray(path.read_bytes())
        data[300] ^= 1
        path.write_bytes(data)
        real(path, *others)

    monkeypatch.setattr(packing, "verify", verify)
    splits = open_splits(f"folder:{image_folder}")
    with pytest.raises(RunError, match="does not read as it was written.*corr"):
        packing.pack(splits, tmp_path / "p", Packing(shards=2))
    assert set(contents(tmp_path / "p")) == {"classes.txt", MANIFEST}


def test_verify_compares_number_and_bytes(tmp_path):
    path = tmp_path / "s"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"one")
        writer.write(b"two")
    right = hashlib.sha256(b"onetwo").hexdigest()
    packing.verify(path, "s", 2, right)
    for images, digest in ((3, right), (2, "0" * 64)):
        with pytest.raises(RunError, match=f"Received: 2 of {images} records"):
            packing.verify(path, "s", images, digest)


# Bad images, other bytes, other labels


@pytest.fixture
def one_broken(tmp_path):
    """Two classes of four, one file cut short."""
    random = np.random.RandomState(0)
    for i in range(8):
        file = tmp_path / "images" / f"c{i % 2}" / f"{i}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        side = 40 + 10 * i
        image = random.randint(0, 255, (side, 2 * side, 3)).astype(np.uint8)
        file.write_bytes(tf.io.encode_jpeg(image).numpy())
    broken = tmp_path / "images" / "c1" / "5.jpg"
    broken.write_bytes(broken.read_bytes()[:700])
    return broken


def test_bad_image_is_named_or_left_out(one_broken, tmp_path, capsys):
    data = f"--data=folder:{one_broken.parent.parent}"
    output = tmp_path / "packed"
    argv = [data, f"--output={output}", "--val_fraction=0.25"]
    message = refusal(*argv)
    assert message.startswith("every image must decode; mend or remove it")
    assert f"Received: {one_broken} (" in message
    capsys.readouterr()
    output = tmp_path / "rest"
    pack.main([data, f"--output={output}", *argv[2:], "--on_bad_image=skip"])
    lines = capsys.readouterr().out.splitlines()
    assert f"left out, as it does not decode  {one_broken}" in lines
    assert lines[0].startswith("packed  7 images in 2 files")
    after = open_splits(f"tfrecord:{output}")
    assert sum(len(source) for source in after.values()) == 7


def test_large_images_are_shrunk_and_small_ones_kept(one_broken, tmp_path):
    one_broken.unlink()
    output = tmp_path / "packed"
    pack.main(
        [
            f"--data=folder:{one_broken.parent.parent}",
            f"--output={output}",
            "--resize_short=60",
            "--quality=90",
        ]
    )
    found = {
        feature["image/filename"].bytes_list.value[0].decode(): feature
        for path in output.glob("*.tfrecord")
        for feature in rows(path)
    }
    assert len(found) == 7
    for name, feature in found.items():
        number = int(name[0])
        original = one_broken.parent.parent / f"c{number % 2}" / name
        data = feature["image/encoded"].bytes_list.value[0]
        short = min(60, 40 + 10 * number)
        sides = [
            feature[key].int64_list.value[0]
            for key in ("image/height", "image/width")
        ]
        assert tf.io.decode_jpeg(data).shape[:2] == sides == [short, 2 * short]
        assert (data == original.read_bytes()) == (number <= 2)


def test_pixels_become_png_and_come_back(tmp_path):
    random = np.random.RandomState(0)
    images = random.randint(0, 255, (12, 10, 14, 3)).astype(np.uint8)
    labels = np.arange(12) % 3
    np.savez(
        tmp_path / "a.npz",
        x_train=images[:9],
        y_train=labels[:9],
        x_val=images[9:],
        y_val=labels[9:],
        class_names=["x y", "é", "z"],
    )
    data = [f"--data=arrays:{tmp_path / 'a.npz'}", "--shards=2"]
    pack.main([*data, f"--output={tmp_path / 'p'}"])
    splits = open_splits(f"tfrecord:{tmp_path / 'p'}")
    order = np.random.RandomState(0).permutation(9)
    train = splits["train"]
    assert train.class_names == ("x y", "é", "z")
    assert train.natural_size == 10
    assert train.labels.tolist() == labels[:9][order].tolist()
    for data, place in zip(fetched(train), order, strict=True):
        np.testing.assert_array_equal(tf.io.decode_png(data), images[place])


def test_labels_of_several_classes_come_back(image_folder, tmp_path):
    splits = {
        split: dataclasses.replace(
            source,
            labels=np.maximum(
                np.eye(3, dtype=np.float32)[source.labels], [0, 0, 1]
            ),
        )
        for split, source in open_splits(f"folder:{image_folder}").items()
    }
    packing.pack(splits, tmp_path / "p", Packing())
    after = open_splits(f"tfrecord:{tmp_path / 'p'}")
    for split, source in after.items():
        order = np.random.RandomState(0).permutation(len(source))
        np.testing.assert_array_equal(
            source.labels, splits[split].labels[order]
        )
        assert source.class_names == ("blue", "green", "red")
    (feature, *_) = rows(tmp_path / "p" / "val-00000-of-00001.tfrecord")
    assert MULTI_HOT_KEY in feature and "image/class/label" not in feature


# The command


@pytest.mark.parametrize(
    "argv, message",
    [
        (["--output={}/x", "left over"], "pack takes flags only"),
        ([], "pack needs --output=DIR. Received: none"),
        (["--output={}/x", "--quality=0"], "Received: quality=0"),
        (["--output={}/x", "--resize_short=-1"], "Received: resize_short=-1"),
        (["--output={}/x", "--shards=49"], "shards=49, 48 images"),
        (["--output={}/x", "--val_fraction=2"], "val_fraction"),
    ],
)
def test_what_is_refused(argv, message, image_folder, tmp_path):
    argv = [word.format(tmp_path) for word in argv]
    assert message in refusal(f"--data=folder:{image_folder}", *argv)
    assert not (tmp_path / "x").exists()
