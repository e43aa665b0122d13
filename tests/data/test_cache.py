"""--cache: the same stream from memory or disk, and no stale pixels."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import cache, eval_pipeline, open_splits, train_pipeline
from kerastricks.data.decode import decode
from kerastricks.data.squares import Squares

SQUARES = Squares(16)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A user cache of the test's own."""
    monkeypatch.setenv("KERASTRICKS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


@pytest.fixture
def source(tmp_path):
    """7 JPEGs and PNGs of different sizes, some in half-size colour."""
    random = np.random.RandomState(0)
    for index in range(7):
        folder = tmp_path / "images" / "train" / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = random.randint(0, 256, (20 + 3 * index, 41 - index, 3))
        image = tf.constant(image, tf.uint8)
        if index == 3:
            write(folder / f"{index}.png", tf.io.encode_png(image))
        else:
            write(folder / f"{index}.jpg", tf.io.encode_jpeg(image))
    return open_splits(f"folder:{tmp_path / 'images'}", val_fraction=0.4)[
        "train"
    ]


def write(path, data):
    path.write_bytes(data.numpy())


def streams(source):
    """Arrays of two epochs of training and of an evaluation."""
    train = train_pipeline(
        source, image_size=16, batch_size=2, epochs=2, seed=3
    )
    val = eval_pipeline(source, image_size=16, batch_size=3)
    for dataset in (train, val):
        for inputs, labels in dataset.as_numpy_iterator():
            yield from (inputs["image"], inputs["key"], labels)


def files(folder):
    return {path.name: path.stat().st_ino for path in folder.iterdir()}


def test_stream_is_the_same_from_everywhere(source):
    """To the bit: also where a JPEG's crop is decoded by itself."""
    direct = list(streams(source))
    for kind in ("none", "ram", "disk"):
        stored = list(streams(cache.cached(source, kind, SQUARES)))
        assert len(stored) == len(direct) == 3 * (4 + 2)
        for array, expected in zip(stored, direct, strict=True):
            np.testing.assert_array_equal(array, expected, err_msg=kind)


@pytest.mark.parametrize("kind", ["ram", "disk"])
def test_pixels_are_those_of_the_files(source, kind):
    stored = cache.cached(source, kind, SQUARES)
    assert not stored.encoded
    assert stored.class_names == source.class_names
    np.testing.assert_array_equal(stored.labels, source.labels)
    np.testing.assert_array_equal(stored.indices, np.arange(len(source)))
    for index, name in enumerate(source.names):
        expected = decode(tf.io.read_file(name)).numpy()
        got = stored.fetch(tf.constant(index)).numpy()
        np.testing.assert_array_equal(got, expected)


def test_nothing_to_do(source, tmp_path, own_cache):
    assert cache.cached(source, "none", SQUARES) is source
    pixels = np.zeros((4, 5, 5, 3), np.uint8)
    labels = np.array([0, 1, 0, 1])
    np.savez(tmp_path / "a.npz", x_train=pixels, y_train=labels)
    arrays = open_splits(f"arrays:{tmp_path / 'a.npz'}")["train"]
    assert cache.cached(arrays, "disk", SQUARES) is arrays
    assert not own_cache.exists()


def test_file_on_disk_is_used_again(source, own_cache, monkeypatch):
    first = list(streams(cache.cached(source, "disk", SQUARES)))
    made = files(own_cache)
    key = cache.fingerprint(source, "whole exif=True")
    assert set(made) == {f"{key}.pixels", f"{key}.shapes.npy"}
    monkeypatch.setattr(cache, "decoded", None)  # nothing is decoded again
    again = list(streams(cache.cached(source, "disk", SQUARES)))
    assert files(own_cache) == made
    for array, expected in zip(again, first, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_pixels_without_their_shapes_are_made_again(source, own_cache):
    """As a kill between the two files leaves them."""
    cache.cached(source, "disk", SQUARES)
    (shapes,) = own_cache.glob("*.npy")
    shapes.unlink()
    stored = cache.cached(source, "disk", SQUARES)
    expected = decode(tf.io.read_file(source.names[2]))
    np.testing.assert_array_equal(stored.fetch(tf.constant(2)), expected)


def test_failure_leaves_no_file(source, own_cache):
    with open(source.names[-1], "wb") as file:
        file.write(b"no image")
    with pytest.raises(tf.errors.InvalidArgumentError):
        cache.cached(source, "disk", SQUARES)
    assert files(own_cache) == {}


@pytest.mark.parametrize("change", ["time", "content", "subset", "order"])
def test_changed_files_have_another_fingerprint(source, change):
    before = cache.fingerprint(source)
    assert cache.fingerprint(source) == before
    if change == "time":
        about = os.stat(source.names[0])
        later = about.st_mtime_ns + 1_000_000
        os.utime(source.names[0], ns=(about.st_atime_ns, later))
    elif change == "content":
        about = os.stat(source.names[0])
        with open(source.names[0], "ab") as file:
            file.write(b"\0")
        os.utime(source.names[0], ns=(about.st_atime_ns, about.st_mtime_ns))
    elif change == "subset":
        source = source.subset(np.arange(1, len(source)))
    else:
        source = source.subset(np.arange(len(source))[::-1])
    assert cache.fingerprint(source) != before


def test_changed_file_is_seen(source):
    cache.cached(source, "disk", SQUARES)
    black = np.zeros((30, 30, 3), np.uint8)
    with open(source.names[1], "wb") as file:
        file.write(tf.io.encode_png(black).numpy())
    stored = cache.cached(source, "disk", SQUARES)
    np.testing.assert_array_equal(stored.fetch(tf.constant(1)), black)


@pytest.mark.parametrize("kind", ["ram", "disk"])
def test_subset_keeps_its_own_images(source, kind):
    part = source.subset(np.array([3, 1]))
    stored = cache.cached(part, kind, SQUARES)
    for index, place in enumerate((3, 1)):
        expected = decode(tf.io.read_file(source.names[place]))
        got = stored.fetch(tf.constant(index))
        np.testing.assert_array_equal(got, expected)
    again = stored.subset(np.array([1]))
    got = again.fetch(tf.constant(again.indices[0]))
    np.testing.assert_array_equal(got, decode(tf.io.read_file(source.names[1])))


def test_progress_counts_to_the_end(source):
    calls = []
    cache.cached(
        source,
        "ram",
        SQUARES,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(len(source), len(source))]


@pytest.mark.parametrize("kind", ["ram", "disk"])
def test_finished_squares_give_the_stream_of_the_centre(source, kind):
    crops = dict(train_crop="center", eval_crop=0.8)
    options = dict(image_size=16, batch_size=2, **crops)
    squares = Squares(16, **crops)
    stored = cache.cached(source, kind, squares, finished=True)
    assert stored.square == 16
    for make in (train_pipeline, eval_pipeline):
        ours, theirs = make(stored, **options), make(source, **options)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one[0]["image"], other[0]["image"])
            np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ram", "disk"])
@pytest.mark.parametrize("crop", ["pad", "resize"])
def test_resized_images_give_the_stream_of_the_files(source, kind, crop):
    options = dict(train_crop=crop, eval_crop=0.8)
    stored = cache.cached(source, kind, Squares(16, **options))
    sides = [
        min(stored.fetch(tf.constant(i)).shape[:2]) for i in range(len(source))
    ]
    assert set(sides) == {16 if crop == "pad" else 20}
    options |= dict(image_size=16, batch_size=2)
    for one, other in zip(
        train_pipeline(stored, **options),
        train_pipeline(source, **options),
        strict=True,
    ):
        difference = tf.cast(one[0]["image"], tf.int32) - tf.cast(
            other[0]["image"], tf.int32
        )
        # A level where rounding halves it: one pass more or less.
        assert np.abs(difference).max() <= 1


def test_crops_that_evaluation_has_not_do_not_matter_to_it():
    ways = {
        Squares(16, crop_area=(low, 1.0), train_crop=crop).way(finished=True)
        for low in (0.1, 0.2)
        for crop in ("rrc", "pad")
    }
    assert len(ways) == 1
    assert Squares(16, interpolation="bicubic").way(finished=True) not in ways


@pytest.mark.slow
def test_other_squares_are_other_files(source, own_cache):
    for squares in (Squares(16), Squares(16, eval_crop=0.5)):
        cache.cached(source, "disk", squares, finished=True)
        cache.cached(source, "disk", squares)  # whole: the crop is no matter
    assert len(list(own_cache.glob("*.pixels"))) == 3
    cache.cached(source, "disk", Squares(16, exif=False))
    assert len(list(own_cache.glob("*.pixels"))) == 4


def test_stamp_stands_for_what_is_not_in_files(source):
    records = dataclasses.replace(source, in_files=False, names=["a[0]"] * 3)
    before = cache.fingerprint(records)  # no file of that name is looked for
    other = dataclasses.replace(records, stamp="other")
    assert cache.fingerprint(other) != before
