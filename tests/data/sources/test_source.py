"""What all sources share, and the shares that are taken out of them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import open_source, open_splits, sources
from kerastricks.data.sources import shapes
from kerastricks.data.sources.source import Source, split_off, stratified
from kerastricks.errors import InputError

# 20, 10, 4 and 2 of the classes, in no order.
LABELS = np.random.RandomState(1).permutation(
    np.repeat(range(4), [20, 10, 4, 2])
)


@pytest.fixture
def source():
    """Image i is called i and holds i."""
    table = tf.range(100)
    return Source(
        class_names=("a", "b", "c", "d"),
        labels=LABELS.astype(np.int32),
        names=[str(index) for index in range(36)],
        fetch=lambda index: tf.gather(table, index),
        encoded=False,
        natural_size=8,
        indices=np.arange(36),
    )


def refusal(call, *args, **values):
    with pytest.raises(InputError) as caught:
        call(*args, **values)
    return str(caught.value)


def test_subset_keeps_names_labels_and_indices_together(source):
    part = source.subset(np.array([30, 2, 17])).subset(np.array([2, 0]))
    assert part.names == ["17", "30"]
    assert part.indices.tolist() == [17, 30]
    assert part.labels.tolist() == [LABELS[17], LABELS[30]]
    assert part.fetch(tf.constant(part.indices[1])) == 30
    assert len(part) == 2 and len(source) == 36


@pytest.mark.parametrize(
    "fraction, counts",
    [
        (1.0, [20, 10, 4, 2]),
        (0.5, [10, 5, 2, 1]),
        (0.3, [6, 3, 1, 1]),
        (0.01, [1, 1, 1, 1]),  # never a class without any
    ],
)
def test_share_of_each_class(fraction, counts):
    share = stratified(LABELS, fraction, seed=0)
    assert np.bincount(LABELS[share]).tolist() == counts
    assert (np.diff(share) > 0).all()
    if fraction == 1:
        assert share.tolist() == list(range(36))


def test_share_follows_the_seed():
    shares = [tuple(stratified(LABELS, 0.5, seed)) for seed in (0, 0, 1, 2)]
    assert shares[0] == shares[1]
    assert len(set(shares)) == 3


def test_share_is_the_same_for_ever():
    """RandomState(seed).permutation of each class in turn, by hand."""
    labels = np.array([1, 0, 1, 0, 0, 1, 0])
    random = np.random.RandomState(5)
    zeros = random.permutation([1, 3, 4, 6])[:2]
    ones = random.permutation([0, 2, 5])[:2]
    expected = sorted([*zeros, *ones])
    assert stratified(labels, 0.5, seed=5).tolist() == expected


@pytest.mark.parametrize(
    "fraction, counts",
    [
        (0.1, [2, 1, 1, 1]),
        (0.5, [10, 5, 2, 1]),
        (0.9, [18, 9, 3, 1]),  # something stays for training
        (0.99, [19, 9, 3, 1]),
    ],
)
def test_split_parts_every_class(source, fraction, counts):
    rest, share = split_off(source, fraction, 0, "here")
    assert np.bincount(share.labels).tolist() == counts
    together = np.concatenate([rest.indices, share.indices])
    assert sorted(together) == list(range(36))
    for part in (rest, share):
        np.testing.assert_array_equal(part.labels, LABELS[part.indices])


def test_split_follows_the_seed(source):
    shares = [
        tuple(split_off(source, 0.5, seed, "here")[1].indices)
        for seed in (3, 3, 4)
    ]
    assert shares[0] == shares[1] != shares[2]


def test_split_of_no_share_is_refused(source):
    assert refusal(split_off, source, 0.0, 0, "here") == (
        "data without a validation split of its own needs a val_fraction "
        "above 0. Received: val_fraction=0.0, here"
    )


def test_class_of_a_single_image_cannot_be_split(source):
    single = source.subset(np.flatnonzero(LABELS < 3)[:-1])
    lonely = np.flatnonzero(LABELS == 3)[:1]
    both = source.subset(np.concatenate([single.indices, lonely]))
    assert refusal(split_off, both, 0.5, 0, "here") == (
        "a class needs at least two images to be split into training and "
        "validation. Received: one image of class d in here"
    )


# By the text of --data


@pytest.mark.parametrize(
    "spec",
    ["", "shape", "shapes:", "shapes:x", "folder", "folder:", "arrays", "x:y"]
    + ["/data/pets", "Folder:x", "tfds:", "csv:", "tfrecord:"],
)
def test_unknown_data_is_refused(spec):
    assert refusal(open_splits, spec) == (
        "data must be shapes, folder:PATH, tfds:NAME, tfrecord:GLOB, csv:FILE "
        f"or arrays:FILE.npz. Received: data={spec}"
    )


def test_unknown_split_is_refused(image_folder):
    message = refusal(open_source, f"folder:{image_folder}", "test")
    assert message == ("split must be one of train, val. Received: split=test")


def test_split_by_name(image_folder):
    for split, count in (("train", 48), ("val", 18)):
        source = open_source(f"folder:{image_folder}", split)
        assert len(source) == count
        assert source.class_names == ("blue", "green", "red")
        assert all(f"/{split}/" in name for name in source.names)


def test_shapes_come_with_their_own_size_and_test_split(tmp_path, monkeypatch):
    def few(progress=None):
        return shapes.shapes_folder(tmp_path, _counts={"train": 2, "test": 1})

    monkeypatch.setattr(sources, "shapes_folder", few)
    splits = open_splits("shapes", val_fraction=0.5)
    assert [len(split) for split in splits.values()] == [20, 10]
    for split in splits.values():
        assert split.natural_size == 64
        assert split.class_names == shapes.CLASS_NAMES
    assert all("/test/" in name for name in splits["val"].names)


def test_a_fraction_of_one_gives_the_whole_twice(source):
    assert split_off(source, 1.0, 0, "here") == (source, source)


# Images of several classes, or none: 12, 6 and 2 images of the classes.
SEVERAL = np.array(
    [[1, 1, 0]] * 4 + [[1, 0, 0]] * 7 + [[1, 0, 1], [0, 1, 1]]
    + [[0, 1, 0]] + [[0, 0, 0]] * 6,
    np.float32,
)  # fmt: skip


def several(source, labels=SEVERAL):
    return dataclasses.replace(
        source,
        class_names=("a", "b", "c"),
        labels=labels,
        names=[str(i) for i in range(len(labels))],
        indices=np.arange(len(labels)),
    )


def test_images_of_each_class_are_counted(source):
    assert source.class_counts().tolist() == [20, 10, 4, 2]
    assert several(source).class_counts().tolist() == [12, 6, 2]
    few = source.subset(np.flatnonzero(LABELS == 1))
    assert few.class_counts().tolist() == [0, 10, 0, 0]


@pytest.mark.parametrize(
    "fraction, count", [(1.0, 20), (0.5, 10), (0.25, 5), (0.01, None)]
)
def test_share_of_images_with_several_classes(fraction, count):
    shares = [tuple(stratified(SEVERAL, fraction, seed)) for seed in range(20)]
    for share in shares:
        assert SEVERAL[list(share)].any(axis=0).all()
        assert list(share) == sorted(set(share))
        # At the least two or three images cover the three classes.
        assert len(share) == count if count else 2 <= len(share) <= 3
    assert shares[7] == tuple(stratified(SEVERAL, fraction, 7))
    assert (len(set(shares)) > 10) == (fraction < 1)


def test_several_classes_are_split_with_each_left_for_training(source):
    whole = several(source)
    for seed in range(20):
        rest, share = split_off(whole, 0.3, seed, "here")
        assert (len(rest), len(share)) == (14, 6)
        assert rest.class_counts().min() > 0
        together = np.concatenate([rest.indices, share.indices])
        assert sorted(together) == list(range(20))
        np.testing.assert_array_equal(share.labels, SEVERAL[share.indices])
    # Even of nine tenths; images without a class can all be spared.
    rest, share = split_off(whole, 0.9, 0, "here")
    assert rest.class_counts().min() > 0 and 2 <= len(rest) <= 3
    assert split_off(whole, 1.0, 0, "here") == (whole, whole)


def test_every_image_may_be_the_only_one_of_a_class(source):
    lonely = several(source, np.array([[1, 1, 0], [0, 1, 1]], np.float32))
    assert refusal(split_off, lonely, 0.5, 0, "here") == (
        "a class needs at least two images to be split into training and "
        "validation. Received: one image of class a in here"
    )
