"""TFRecord files as a source: splits, labels, class names, refusals."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import open_splits
from kerastricks.data.records import MANIFEST
from kerastricks.data.sources.tfrecord import open_tfrecord
from kerastricks.errors import InputError


def feature(value):
    if isinstance(value, bytes):
        values = tf.train.BytesList(value=[value])
        return tf.train.Feature(bytes_list=values)
    if isinstance(value, list):
        return tf.train.Feature(float_list=tf.train.FloatList(value=value))
    values = tf.train.Int64List(value=[value])
    return tf.train.Feature(int64_list=values)


def write(path, rows):
    """Records of (image, label, other features)."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image, label, *others in rows:
            values = {"image/encoded": image, "image/class/label": label}
            values |= others[0] if others else {}
            features = {key: feature(value) for key, value in values.items()}
            made = tf.train.Features(feature=features)
            message = tf.train.Example(features=made)
            writer.write(message.SerializeToString())


@pytest.fixture(autouse=True)
def user_cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("KERASTRICKS_CACHE", str(folder))


def opened(pattern, val_fraction=0.5, seed=0):
    return open_tfrecord(str(pattern), val_fraction, seed)


def refusal(pattern, val_fraction=0.5):
    with pytest.raises(InputError) as caught:
        opened(pattern, val_fraction)
    return str(caught.value)


def images(source):
    return [source.fetch(tf.constant(i)).numpy() for i in source.indices]


def texts(*names):
    return [{"image/class/text": name.encode()} for name in names]


@pytest.fixture
def imagenet(tmp_path):
    """Two training files, one of validation; labels from 1, with texts."""
    cat, dog, elk = texts("cat", "dog", "elk")
    write(
        tmp_path / "train-00000-of-00002",
        [(b"A", 2, dog), (b"B", 1, cat), (b"C", 3, elk)],
    )
    write(
        tmp_path / "train-00001-of-00002",
        [(b"D", 1, cat), (b"E", 2, dog), (b"F", 3, elk)],
    )
    write(tmp_path / "validation-00000-of-00001", [(b"G", 3, elk)])
    write(tmp_path / "test-00000-of-00001", [(b"H", 1, cat)])
    (tmp_path / "readme.txt").write_text("about")
    return tmp_path


def test_imagenets_layout(imagenet):
    splits = opened(imagenet)
    assert list(splits) == ["train", "val"]
    train, val = splits.values()
    assert train.class_names == val.class_names == ("cat", "dog", "elk")
    assert images(train) == [b"A", b"B", b"C", b"D", b"E", b"F"]
    assert train.labels.tolist() == [1, 0, 2, 0, 1, 2]  # as written, less 1
    assert train.labels.dtype == np.int32
    assert images(val) == [b"G"] and val.labels.tolist() == [2]
    assert train.names[4] == "train-00001-of-00002[1]"
    assert train.encoded and not train.in_files
    assert train.natural_size == 224
    assert train.stamp and train.stamp != val.stamp


def test_pattern_of_training_files_is_split_by_fraction(imagenet):
    splits = opened(imagenet / "train-*")
    train, val = splits.values()
    assert sorted(images(train) + images(val)) == [
        bytes([65 + i]) for i in range(6)
    ]
    assert np.bincount(train.labels).tolist() == [1, 1, 1]
    for source in (train, val):
        for name, image in zip(source.names, images(source), strict=True):
            file, _, place = name.partition("[")
            number = 3 * (file == "train-00001-of-00002") + int(place[:-1])
            assert image == bytes([65 + number])


def test_pattern_that_matches_both_splits(imagenet):
    splits = opened(imagenet / "t*-of-*")
    assert images(splits["val"]) == [b"H"]
    assert len(splits["train"]) == 6


@pytest.mark.parametrize(
    "name, split",
    [
        ("cifar10-train.tfrecord-00000-of-00001", "train"),
        ("cifar10-test.tfrecord-00000-of-00001", "test"),
        ("Validation-1.tfrecord", "validation"),
        ("trains.tfrecord", ""),
        ("latest.tfrecord", ""),
    ],
)
def test_word_that_names_a_split(name, split):
    from kerastricks.data.sources.tfrecord import split_of

    assert split_of(f"/train/{name}") == split


def test_names_from_classes_txt(tmp_path):
    (tmp_path / "classes.txt").write_text("zebra\nsea otter\nélan\n")
    write(tmp_path / "train.tfrecord", [(b"A", 2), (b"B", 1)])
    write(tmp_path / "val.tfrecord", [(b"C", 0)])
    train, val = opened(tmp_path).values()
    assert train.class_names == ("zebra", "sea otter", "élan")
    assert train.labels.tolist() == [2, 1]  # 1 is no shift: 0 has a name
    assert val.labels.tolist() == [0]
    (tmp_path / "classes.txt").write_text("zebra\nsea otter\n")
    assert opened(tmp_path / "tr*", 1.0)["train"].labels.tolist() == [1, 0]
    (tmp_path / "classes.txt").write_text("zebra\n")
    assert refusal(tmp_path) == (
        "classes.txt must name every label, one a line. Received: 1 names, "
        f"highest label 2 in {tmp_path}"
    )


def test_texts_that_are_no_names_are_passed_over(tmp_path):
    crane = {"image/class/text": b"crane"}
    write(
        tmp_path / "train.tfrecord",
        [
            (b"A", 0, crane | {"image/class/synset": b"n02"}),
            (b"B", 1, crane | {"image/class/synset": b"n03"}),
        ],
    )
    source = opened(tmp_path, 1.0)["train"]
    assert source.class_names == ("n02", "n03")
    write(tmp_path / "train.tfrecord", [(b"A", 1, crane), (b"B", 2, crane)])
    source = opened(tmp_path, 1.0)["train"]
    assert source.class_names == ("1", "2")
    assert source.labels.tolist() == [0, 1]


def test_labels_of_several_classes(tmp_path):
    rows = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    write(tmp_path / "train.tfrecord", [(b"A", row) for row in rows])
    write(tmp_path / "val.tfrecord", [(b"B", rows[2])])
    train, val = opened(tmp_path).values()
    assert train.multi_label and train.class_names == ("0", "1", "2")
    assert train.labels.tolist() == rows and val.labels.tolist() == rows[2:]
    write(tmp_path / "val.tfrecord", [(b"B", [1.0, 0.0])])
    assert refusal(tmp_path).endswith(
        f"Received: another kind of label in {tmp_path}/val.tfrecord"
    )


def test_small_images_of_one_size_suit_themselves(tmp_path):
    def png(side):
        return tf.io.encode_png(np.zeros((side, 40, 3), np.uint8)).numpy()

    write(tmp_path / "a.tfrecord", [(png(36), 0), (png(36), 1)])
    assert opened(tmp_path, 1.0)["train"].natural_size == 36
    write(tmp_path / "a.tfrecord", [(png(36), 0), (png(38), 1)])
    assert opened(tmp_path, 1.0)["train"].natural_size == 224


def test_keys_of_ones_own(tmp_path):
    write(tmp_path / "a.tfrecord", [(b"", 0, {"x": b"A", "y": 1})] * 2)
    write(tmp_path / "b.tfrecord", [(b"", 0, {"x": b"B", "y": 0})])
    source = open_splits(
        f"tfrecord:{tmp_path}", val_fraction=1.0, image_key="x", label_key="y"
    )["train"]
    assert images(source) == [b"A", b"A", b"B"]
    assert source.labels.tolist() == [1, 1, 0]


# What is refused


def test_nothing_there(tmp_path):
    for pattern in (tmp_path, tmp_path / "none-*", tmp_path / "a" / "b"):
        assert refusal(pattern) == (
            "tfrecord: needs a folder of TFRecord files or a pattern that "
            f"matches some. Received: {pattern}"
        )


def test_folder_without_some_of_its_shards(imagenet):
    (imagenet / "train-00000-of-00002").unlink()
    assert refusal(imagenet) == (
        "a folder of shards must hold all of them; give a pattern to use "
        "these alone. Received: 1 of 2 files "
        f"{imagenet}/train-*-of-00002"
    )
    assert len(opened(imagenet / "[tv]*-of-*")["train"]) == 3


def test_unfinished_pack(imagenet):
    (imagenet / MANIFEST).write_text('{"finished": false}')
    assert refusal(imagenet).startswith("a pack must be finished first")
    (imagenet / MANIFEST).write_text("[]")
    assert len(opened(imagenet)["train"]) == 6


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 3, 1], "Received: none with label 2 in "),
        ([1, 3], "Received: none with label 2 in "),
        ([2, 3], "Received: none with label 0 in "),
        ([-1, 0, 1], "Received: -1 in a.tfrecord[0]"),
        ([5, 5], "Received: label 5 alone in "),
    ],
)
def test_labels_that_do_not_count(tmp_path, labels, message):
    write(tmp_path / "a.tfrecord", [(b"x", label) for label in labels])
    assert message in refusal(tmp_path)


@pytest.mark.parametrize(
    "label, text, received",
    [
        (4, "fox", "label 4 in {} only"),
        (0, "cat", "label 0 in {} only"),
        (1, "dog", "label 1 is cat, in {} dog"),
    ],
)
def test_validation_of_other_classes(imagenet, label, text, received):
    file = imagenet / "validation-00000-of-00001"
    write(file, [(b"G", label, *texts(text))])
    assert refusal(imagenet) == (
        "training and validation must have the same classes. Received: "
        + received.format(file)
    )


def test_labels_between_0_and_1_are_refused(tmp_path):
    """They would only be found out by the evaluation, after all training."""
    write(
        tmp_path / "train-00000-of-00002",
        [(b"x", [1.0, 0.0]), (b"x", [0.0, 1.0])],
    )
    write(
        tmp_path / "train-00001-of-00002",
        [(b"x", [1.0, 1.0]), (b"x", [0.25, 1.0])],
    )
    assert refusal(tmp_path) == (
        "labels of several classes must be 0 or 1. Received: 0.25 in "
        f"{tmp_path / 'train-00001-of-00002'}"
    )
