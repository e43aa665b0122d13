"""Images in one NumPy file: what is read, and every refusal."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.sources.arrays import open_arrays
from kerastricks.errors import InputError

RANDOM = np.random.RandomState(0)
X = RANDOM.randint(0, 256, (6, 5, 7, 3)).astype(np.uint8)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "data.npz")


def opened(file, val_fraction=0.4, **arrays):
    np.savez(file, **arrays)
    return open_arrays(file, val_fraction, 0)


def pixels(source):
    return source.fetch(tf.constant(source.indices)).numpy()


def refusal(file, val_fraction=0.4, **arrays):
    with pytest.raises(InputError) as caught:
        opened(file, val_fraction, **arrays)
    message = str(caught.value)
    assert message.endswith(file)
    return message


@pytest.mark.parametrize("split", ["val", "test"])
def test_images_and_labels_are_those_of_the_file(file, split):
    more = {f"x_{split}": X[4:], f"y_{split}": Y[4:]}
    splits = opened(file, 0.0, x_train=X[:4], y_train=Y[:4], **more)
    assert list(splits) == ["train", "val"]
    for source, part in (("train", slice(4)), ("val", slice(4, 6))):
        source = splits[source]
        np.testing.assert_array_equal(pixels(source), X[part])
        np.testing.assert_array_equal(source.labels, Y[part])
        assert source.labels.dtype == np.int32
        assert source.class_names == ("0", "1", "2")
        assert source.natural_size == 5 and not source.encoded
    assert splits["val"].names == [f"x_{split}[0]", f"x_{split}[1]"]


def test_val_is_taken_before_test(file):
    val, test = dict(x_val=X[:1], y_val=Y[:1]), dict(x_test=X, y_test=Y)
    splits = opened(file, x_train=X, y_train=Y, **test, **val)
    np.testing.assert_array_equal(pixels(splits["val"]), X[:1])


def test_training_images_are_split_class_by_class(file):
    splits = opened(file, x_train=X, y_train=Y)
    train, val = splits["train"], splits["val"]
    assert sorted(train.labels) == sorted(val.labels) == [0, 1, 2]
    both = np.concatenate([train.indices, val.indices])
    assert sorted(both) == list(range(6))
    for source in (train, val):
        np.testing.assert_array_equal(source.labels, Y[source.indices])
        np.testing.assert_array_equal(pixels(source), X[source.indices])
        assert source.names == [f"x_train[{i}]" for i in source.indices]


def test_grey_images_become_three_equal_channels(file):
    splits = opened(file, x_train=X[..., 0], y_train=Y)
    train = splits["train"]
    expected = X[train.indices][..., :1].repeat(3, axis=-1)
    np.testing.assert_array_equal(pixels(train), expected)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16])
def test_labels_of_any_whole_type_also_in_a_column(file, kind):
    splits = opened(file, x_train=X, y_train=Y.astype(kind)[:, None])
    train = splits["train"]
    assert train.labels.shape == (3,) and train.labels.dtype == np.int32
    np.testing.assert_array_equal(train.labels, Y[train.indices])


@pytest.mark.parametrize("kind", ["U", "S"])
def test_class_names_of_the_file(file, kind):
    names = np.array(["cat", "dog", "owl"]).astype(kind)
    splits = opened(file, x_train=X, y_train=Y, class_names=names)
    for source in splits.values():
        assert source.class_names == ("cat", "dog", "owl")


def test_home_folder_is_meant_by_a_tilde(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(open_arrays("~/a.npz", 0.4, 0)["train"]) == 3


# Files that are none


def test_missing_file(file):
    with pytest.raises(InputError) as caught:
        open_arrays(file, 0.4, 0)
    assert str(caught.value) == (
        "arrays: needs an .npz file ([Errno 2] No such file or directory: "
        f"{file!r}). Received: {file}"
    )


def test_damaged_file(file):
    np.savez_compressed(file, x_train=X, y_train=Y)
    with open(file, "rb") as whole:
        data = whole.read()
    middle = len(data) // 3
    damaged = data[:middle] + b"\0" * 40 + data[middle + 40 :]
    for content in (b"", b"text", data[: len(data) // 2], damaged):
        with open(file, "wb") as broken:
            broken.write(content)
        with pytest.raises(InputError, match="arrays: needs an .npz file"):
            open_arrays(file, 0.4, 0)


def test_single_array_and_objects_are_no_npz(file, tmp_path):
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(InputError, match="needs an .npz file"):
        open_arrays(str(tmp_path / "a.npy"), 0.4, 0)
    objects = np.array([None, 1], dtype=object)
    with pytest.raises(InputError, match="allow_pickle=False"):
        opened(file, x_train=X, y_train=Y, more=objects)


# Arrays that do not fit


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({}, "must hold x_train and y_train. Received: nothing in "),
        ({"y_train": Y}, "must hold x_train and y_train. Received: y_train in"),
        ({"y": Y, "x": X}, "must hold x_train and y_train. Received: x, y in"),
        (
            {"x_train": X / 255, "y_train": Y},
            "images must be uint8 [N, H, W, 3] or [N, H, W]. Received: "
            "x_train float64 [6, 5, 7, 3] in ",
        ),
        (
            {"x_train": X[..., :2], "y_train": Y},
            "images must be uint8 [N, H, W, 3] or [N, H, W]. Received: "
            "x_train uint8 [6, 5, 7, 2] in ",
        ),
        (
            {"x_train": X.reshape(6, 105), "y_train": Y},
            "images must be uint8 [N, H, W, 3] or [N, H, W]. Received: "
            "x_train uint8 [6, 105] in ",
        ),
        (
            {"x_train": X, "y_train": Y[:5]},
            "x_train needs as many labels in y_train, at least one. "
            "Received: 6 images, 5 labels in ",
        ),
        (
            {"x_train": X[:0], "y_train": Y[:0]},
            "x_train needs as many labels in y_train, at least one. "
            "Received: 0 images, 0 labels in ",
        ),
        (
            {"x_train": X, "y_train": Y, "x_val": X[:2]},
            "x_val needs as many labels in y_val, at least one. "
            "Received: 2 images, 0 labels in ",
        ),
        (
            {"x_train": X, "y_train": Y.astype(float)},
            "labels must be whole numbers [N]. Received: y_train float64 [6]",
        ),
        (
            {"x_train": X, "y_train": np.eye(3, dtype=int)[Y]},
            "labels must be whole numbers [N]. Received: y_train int64 [6, 3]",
        ),
        (
            {"x_train": X, "y_train": Y.astype(str)},
            "labels must be whole numbers [N]. Received: y_train <U21 [6] in",
        ),
        (
            {"x_train": X, "y_train": np.array(1)},
            "labels must be whole numbers [N]. Received: y_train int64 [] in",
        ),
        (
            {"x_train": X, "y_train": Y - 1},
            "labels must count from 0. Received: -1 in y_train of ",
        ),
        (
            {"x_train": X, "y_train": 2 * Y},
            "every class needs at least one image. Received: none with label "
            "1 in y_train of ",
        ),
        (  # and does not wait for a list of so many names
            {"x_train": X, "y_train": Y + 10**9 * (Y == 2)},
            "every class needs at least one image. Received: none with label "
            "2 in y_train of ",
        ),
        (
            {"x_train": X, "y_train": Y, "class_names": np.array(["a", "b"])},
            "class_names must name every label. Received: 2 names, highest "
            "label 2 in ",
        ),
        (
            {"x_train": X, "y_train": Y, "class_names": np.array([*"abcd"])},
            "every class needs at least one image. Received: none with label "
            "3 in y_train of ",
        ),
        (
            {"x_train": X, "y_train": Y, "x_val": X[:2], "y_val": Y[:2] + 2},
            "y_val must hold labels of y_train, which end at 2. "
            "Received: 3 in ",
        ),
        (
            {"x_train": X, "y_train": np.array([0, 1, 2, 0, 1, 1])},
            "a class needs at least two images to be split into training and "
            "validation. Received: one image of class 2 in ",
        ),
    ],
)
def test_refusal_says_what_is_wrong(file, arrays, message):
    assert message in refusal(file, **arrays)


def test_no_share_for_validation_is_refused(file):
    assert "val_fraction=0.0" in refusal(file, 0.0, x_train=X, y_train=Y)
