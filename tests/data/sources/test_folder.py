"""Images in folders: what is found, how it is split, what is refused."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.sources.folder import open_folder
from kerastricks.data.sources.source import stamp_of
from kerastricks.errors import InputError

FEW = ["cats/1.jpg", "cats/2.jpg", "dogs/1.jpg", "dogs/2.jpg"]


def grow(root, *paths):
    """Files that hold their own path, as the text of a picture."""
    for path in paths:
        file = pathlib.Path(root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path, encoding="utf-8")
    return str(root)


def opened(root, val_fraction=0.5, seed=0):
    return open_folder(str(root), val_fraction, seed)


def paths(source, root):
    """Paths below a folder."""
    return [str(pathlib.Path(name).relative_to(root)) for name in source.names]


def refusal(root, val_fraction=0.5):
    with pytest.raises(InputError) as caught:
        opened(root, val_fraction)
    return str(caught.value)


def test_classes_labels_and_files_belong_together(tmp_path):
    grow(tmp_path, *(f"train/{path}" for path in FEW), "train/ants/7.jpg")
    grow(tmp_path, "val/dogs/3.jpg", "val/cats/3.jpg", "val/ants/3.jpg")
    splits = opened(tmp_path)
    assert list(splits) == ["train", "val"]
    train = splits["train"]
    assert train.class_names == ("ants", "cats", "dogs")
    assert train.labels.tolist() == [0, 1, 1, 2, 2]
    assert train.labels.dtype == np.int32
    assert train.encoded and train.natural_size == 224
    expected = ["train/ants/7.jpg", *(f"train/{path}" for path in FEW)]
    assert paths(train, tmp_path) == expected
    for place, path in zip(train.indices, expected, strict=True):
        assert train.fetch(tf.constant(place)).numpy() == path.encode()
    assert paths(splits["val"], tmp_path / "val") == [
        "ants/3.jpg",
        "cats/3.jpg",
        "dogs/3.jpg",
    ]
    assert splits["val"].labels.tolist() == [0, 1, 2]


def test_every_kind_of_image_and_nothing_else(tmp_path):
    images = ["a.JPG", "b.jpeg", "c.Png", "d.gif", "e.BMP"]
    others = ["notes.txt", "a.jpg.part", "jpg", ".hidden.jpg", "Thumbs.db"]
    grow(tmp_path, *(f"train/cats/{name}" for name in images + others))
    grow(tmp_path, "val/cats/1.jpg", "val/readme.jpg", "train/loose.jpg")
    grow(tmp_path, "train/dogs/1.jpg", "val/dogs/1.jpg")
    found = paths(opened(tmp_path)["train"], tmp_path / "train")
    assert found == [*(f"cats/{name}" for name in images), "dogs/1.jpg"]


def test_subfolders_belong_to_their_class_and_hidden_ones_do_not(tmp_path):
    grow(tmp_path, *FEW, "cats/old/deep/3.jpg", "cats/old/4.jpg")
    grow(tmp_path, ".git/1.jpg", "cats/.thumbs/1.jpg", "cats/old/.x/5.jpg")
    splits = opened(tmp_path)
    assert splits["train"].class_names == ("cats", "dogs")
    found = [
        path for split in splits.values() for path in paths(split, tmp_path)
    ]
    expected = [*FEW, "cats/old/deep/3.jpg", "cats/old/4.jpg"]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("name", ["val", "validation", "valid", "test"])
def test_names_of_the_validation_folder(tmp_path, name):
    grow(
        tmp_path,
        *(f"{part}/{path}" for part in ("train", name) for path in FEW),
    )
    val = opened(tmp_path, val_fraction=0.0)["val"]
    assert paths(val, tmp_path) == [f"{name}/{path}" for path in FEW]


def test_val_is_taken_before_test(tmp_path):
    for part in ("train", "val", "test"):
        grow(tmp_path, *(f"{part}/{path}" for path in FEW))
    val = opened(tmp_path)["val"]
    assert paths(val, tmp_path) == [f"val/{path}" for path in FEW]


def test_train_alone_is_split(tmp_path):
    grow(tmp_path, *(f"train/{path}" for path in FEW))
    splits = opened(tmp_path)
    assert splits["train"].class_names == ("cats", "dogs")
    assert [len(split) for split in splits.values()] == [2, 2]


# One tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """20 cats and 10 dogs."""
    root = tmp_path_factory.mktemp("tree")
    grow(root, *(f"cats/{index:02d}.jpg" for index in range(20)))
    grow(root, *(f"dogs/{index:02d}.jpg" for index in range(10)))
    return root


def test_one_tree_is_split_class_by_class(tree):
    splits = opened(tree, val_fraction=0.3)
    train, val = splits["train"], splits["val"]
    assert np.bincount(train.labels).tolist() == [14, 7]
    assert np.bincount(val.labels).tolist() == [6, 3]
    together = paths(train, tree) + paths(val, tree)
    assert len(set(together)) == len(together) == 30
    for source in (train, val):
        for place, label in enumerate(source.labels):
            data = source.fetch(tf.constant(source.indices[place])).numpy()
            assert data.decode() == paths(source, tree)[place]
            assert data.startswith((b"cats", b"dogs")[label])


def test_split_of_a_tree_follows_the_seed(tree):
    vals = [paths(opened(tree, seed=seed)["val"], tree) for seed in (0, 0, 1)]
    assert vals[0] == vals[1] != vals[2]


# What is refused


def test_missing_folder(tmp_path):
    assert refusal(tmp_path / "gone") == (
        f"the data folder must exist. Received: {tmp_path / 'gone'}"
    )
    assert refusal(grow(tmp_path, "file.jpg") + "/file.jpg") == (
        f"the data folder must exist. Received: {tmp_path / 'file.jpg'}"
    )


def test_a_missing_folder_is_looked_for_beside_it(tmp_path):
    (tmp_path / "flowers").mkdir()
    grow(tmp_path, "flower.txt")
    assert refusal(tmp_path / "flower").endswith(
        f"/flower. Did you mean {tmp_path / 'flowers'}?"
    )


@pytest.mark.parametrize(
    "content", [[], ["1.jpg", "2.jpg"], ["cats/notes.txt", "dogs/.1.jpg"]]
)
def test_folder_without_images(tmp_path, content):
    grow(tmp_path, *content)
    assert refusal(tmp_path) == (
        "a data folder holds one folder per class with .jpg, .jpeg, .png, "
        ".gif, .bmp, .webp files in it; no image was found. "
        f"Received: {tmp_path}"
    )


def test_class_without_images(tmp_path):
    grow(tmp_path, *FEW, "mice/notes.txt")
    (tmp_path / "owls").mkdir()
    assert refusal(tmp_path) == (
        "every class needs at least one image. Received: no images in "
        f"{tmp_path / 'mice'}, {tmp_path / 'owls'}"
    )


@pytest.mark.parametrize("part", ["train", "val"])
def test_splits_of_different_classes(tmp_path, part):
    for name in ("train", "val"):
        grow(tmp_path, *(f"{name}/{path}" for path in FEW))
    grow(tmp_path, f"{part}/owls/1.jpg", f"{part}/mice/1.jpg")
    rule = "training and validation must have the same classes. Received: "
    assert refusal(tmp_path) == (f"{rule}mice, owls in {tmp_path / part} only")
    grow(tmp_path, f"{'val' if part == 'train' else 'train'}/apes/1.jpg")
    assert refusal(tmp_path).startswith(rule)
    assert "apes in" in refusal(tmp_path)


def test_any_classes_may_be_looked_at(tmp_path):
    for name in ("train", "val"):
        grow(tmp_path, *(f"{name}/{path}" for path in FEW))
    grow(tmp_path, "train/apes/1.jpg", "val/owls/1.jpg", "val/owls/2.jpg")
    (tmp_path / "val" / "mice").mkdir()
    splits = open_folder(str(tmp_path), 0.1, 0, any_classes=True)
    known = ("apes", "cats", "dogs", "mice", "owls")
    counts = {}
    for name, source in splits.items():
        assert source.class_names == known
        counts[name] = dict(zip(known, source.class_counts(), strict=True))
    assert counts["train"]["apes"] == 1 and counts["train"]["owls"] == 0
    assert counts["val"]["apes"] == 0 and counts["val"]["owls"] == 2
    assert counts["train"]["mice"] == counts["val"]["mice"] == 0


def test_any_classes_may_be_split(tmp_path):
    grow(tmp_path, *FEW, "apes/1.jpg")
    (tmp_path / "owls").mkdir()
    splits = open_folder(str(tmp_path), 0.5, 0, any_classes=True)
    assert splits["train"].class_counts().tolist() == [0, 1, 1, 0]
    assert splits["val"].class_counts().tolist() == [1, 1, 1, 0]


def test_capitals_in_the_names_of_the_splits(tmp_path):
    for name in ("Train", "Valid"):
        grow(tmp_path, *(f"{name}/{path}" for path in FEW))
    splits = opened(tmp_path)
    assert all("/Train/" in name for name in splits["train"].names)
    assert all("/Valid/" in name for name in splits["val"].names)


def test_folder_that_may_not_be_read(tmp_path, monkeypatch):
    grow(tmp_path, *FEW)

    def scandir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", scandir)
    assert refusal(tmp_path) == (
        f"the data folder must be readable. Received: {tmp_path}"
    )


def test_tree_that_is_not_to_be_split(tmp_path):
    grow(tmp_path, *FEW)
    message = refusal(tmp_path, val_fraction=0.0)
    assert message.endswith(f"Received: val_fraction=0.0, {tmp_path}")


def test_class_too_small_to_be_split(tmp_path):
    grow(tmp_path, *FEW, "owls/1.jpg")
    message = refusal(tmp_path)
    assert message.endswith(f"one image of class owls in {tmp_path}")


def test_home_folder_is_meant_by_a_tilde(tmp_path, monkeypatch):
    grow(tmp_path, *(f"pets/{path}" for path in FEW))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert opened("~/pets")["train"].class_names == ("cats", "dogs")


def test_one_class_alone_is_refused(tmp_path):
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(InputError, match="at least two classes.*only alone"):
        open_folder(str(tmp_path), 0.1, 0)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    grow(tmp_path / "else", "more/8.jpg", "more/9.jpg")
    root = tmp_path / "data"
    grow(root, *FEW)
    (root / "cats" / "extra").symlink_to(tmp_path / "else" / "more")
    (root / "cats" / "again").symlink_to(tmp_path / "else" / "more")
    (root / "dogs" / "up").symlink_to(root / "dogs")
    splits = opened(root)
    names = [n for s in splits.values() for n in paths(s, root)]
    cats = [name for name in names if name.startswith("cats/")]
    assert len(cats) == 4 and len(names) == 6


def test_a_class_called_train_is_asked_about(tmp_path):
    grow(tmp_path, "bus/1.jpg", "train/steam/1.jpg", "train/diesel/2.jpg")
    message = refusal(tmp_path)
    assert message.startswith("train/ holds the training images of all classes")
    assert message.endswith(f"{tmp_path / 'train'} beside {tmp_path / 'bus'}")


def test_folders_without_images_may_stand_beside_train(tmp_path):
    grow(tmp_path, *(f"train/{path}" for path in FEW), "notes/read.txt")
    assert len(opened(tmp_path)["train"]) == 2


def test_names_that_are_not_utf8(tmp_path):
    """They are printed with their bytes' numbers, and found all the same."""
    grow(tmp_path, "dogs/1.jpg", "dogs/2.jpg")
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    for name in (b"\xe91.jpg", b"\xe92.jpg"):
        with open(folder + b"/" + name, "wb") as file:
            file.write(name)
    train = opened(tmp_path)["train"]
    assert train.class_names == ("caf\\xe9", "dogs")
    data = train.fetch(tf.constant(train.indices[0])).numpy()
    assert data in (b"\xe91.jpg", b"\xe92.jpg")
    assert stamp_of(train) == stamp_of(train)


@pytest.mark.parametrize(
    "sides, suits",
    [
        ([(32, 40)] * 3, 32),
        ([(28, 28)] * 3, 32),
        ([(100, 90), (20, 20), (500, 400)], 96),
        ([(130, 120)] * 3, 224),
        ([(400, 500)] * 3, 224),
        ([], 224),
    ],
)
def test_small_images_have_their_own_size(tmp_path, sides, suits):
    """The middle one's short side, on a grid of 16, if far below 224."""
    grow(tmp_path, *FEW)  # which are no images
    for i, (height, width) in enumerate(sides):
        image = tf.zeros((height, width, 3), tf.uint8)
        data = tf.io.encode_png(image).numpy()
        (tmp_path / "cats" / f"{i}.png").write_bytes(data)
    assert {one.natural_size for one in opened(tmp_path).values()} == {suits}
