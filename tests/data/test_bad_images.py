"""Files that are no images: found, named, left out."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import open_splits, train_pipeline
from kerastricks.data.bad_images import (
    decodes,
    fault,
    find_bad,
    has_signature,
    naming_bad,
    refuse_bad,
    skip_bad,
)
from kerastricks.data.decode import decode
from kerastricks.errors import InputError

IMAGE = np.random.RandomState(0).randint(0, 256, (40, 40, 3)).astype(np.uint8)
JPEG = tf.io.encode_jpeg(IMAGE).numpy()
PNG = tf.io.encode_png(IMAGE).numpy()
# States 60,000 by 60,000 pixels; more than any memory that decodes it.
BOMB = PNG[:16] + b"\0\0\xea\x60" * 2 + PNG[24:]

# content, whether it begins as an image does, whether it is one
FILES = {
    "whole.jpg": (JPEG, True, True),
    "whole.png": (PNG, True, True),
    "png inside.jpg": (PNG, True, True),
    "text.jpg": (b"This is a page, not a picture.\n", False, False),
    "html.png": (b"<!DOCTYPE html><p>404", False, False),
    "empty.jpg": (b"", False, False),
    "one byte.jpg": (b"\xff", False, False),
    "half.jpg": (JPEG[: len(JPEG) // 2], True, False),
    "head.jpg": (JPEG[:20], True, False),
    "half.png": (PNG[: len(PNG) // 2], True, False),
    "garbage.png": (PNG[:60] + b"garbage" * 20, True, False),
    "random.jpg": (JPEG[:4] + bytes(range(256)) * 4, True, False),
    "gif head.gif": (b"GIF89a" + b"\0" * 40, True, False),
    "BMW.bmp": (b"BMW is a car", True, False),
    "bomb.png": (BOMB, True, False),
    "song.webp": (b"RIFF\x24\0\0\0WAVEfmt ", False, False),
    "head.webp": (b"RIFF\x24\0\0\0WEBPVP8 ", True, False),
}
# What is said of those that are none.
REASONS = {
    "text.jpg": "no image",
    "html.png": "no image",
    "empty.jpg": "empty",
    "one byte.jpg": "no image",
    "song.webp": "no image",
    "bomb.png": "above 178956970 pixels",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Class a is all of FILES, class b two whole images."""
    root = tmp_path_factory.mktemp("bad")
    for name, (content, *_) in FILES.items():
        write(root / "train" / "a" / name, content)
    for split, label in (("train", "b"), ("val", "a"), ("val", "b")):
        for name in ("1.jpg", "2.jpg"):
            write(root / split / label / name, JPEG)
    return root


@pytest.fixture(scope="module")
def source(folder):
    return open_splits(f"folder:{folder}")["train"]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def refusal(call, *args):
    with pytest.raises(InputError) as caught:
        call(*args)
    return str(caught.value)


def names(source, places):
    return {source.names[place].rpartition("/")[2] for place in places}


@pytest.mark.parametrize("name", FILES)
def test_each_file(folder, name):
    path = str(folder / "train" / "a" / name)
    assert has_signature(path) is FILES[name][1]
    assert decodes(path) is FILES[name][2]


def test_file_that_is_gone(tmp_path):
    assert not has_signature(str(tmp_path / "gone.jpg"))
    assert not decodes(str(tmp_path / "gone.jpg"))


@pytest.mark.parametrize("name", FILES)
def test_reasons(folder, name):
    path = folder / "train" / "a" / name
    expected = "" if FILES[name][2] else REASONS.get(name, "damaged")
    assert fault(str(path)) == fault(path.read_bytes()) == expected


def test_limit_of_pixels():
    assert fault(JPEG, max_pixels=1600) == ""
    assert fault(JPEG, max_pixels=1599) == "above 1599 pixels"
    assert fault(PNG, max_pixels=1599) == "above 1599 pixels"
    assert not decodes(PNG, max_pixels=1599) and decodes(PNG, max_pixels=0)


def records(source):
    """The same images, none a file of its own; indices the other way round."""
    contents = []
    for name in source.names:
        with open(name, "rb") as file:
            contents.append(file.read())
    last = len(source) - 1
    table = tf.constant(contents[::-1])
    return dataclasses.replace(
        source,
        fetch=lambda index: tf.gather(table, index),
        names=[f"record {place}" for place in range(len(source))],
        indices=last - np.arange(len(source)),
        in_files=False,
    )


def test_records_are_checked_by_their_content(source):
    within = records(source)
    bad = find_bad(source, decodes)
    np.testing.assert_array_equal(find_bad(within, decodes), bad)
    rest = skip_bad(within)
    assert rest.labels.tolist() == [0, 0, 0, 1, 1]
    assert rest.skipped[0].startswith(f"record {bad[0]} (")
    assert f"record {bad[0]}, " in refusal(refuse_bad, within, decodes)


def test_first_bytes_of_records_are_not_read(source):
    def fetch(index):
        raise AssertionError("that would read all of the data")

    refuse_bad(dataclasses.replace(records(source), fetch=fetch), has_signature)


def test_several_labels(source):
    labels = np.zeros((len(source), 3), np.float32)
    labels[:, 2] = 1
    labels[-1, 0] = 1
    rest = skip_bad(dataclasses.replace(source, labels=labels))
    assert rest.labels.tolist() == [[0, 0, 1]] * 4 + [[1, 0, 1]]
    labels[find_bad(source, decodes)[0], 1] = 1
    message = refusal(skip_bad, dataclasses.replace(source, labels=labels))
    assert "none in class" in message


def test_failure_names_the_huge_one(source):
    small = source.subset(np.arange(len(source) - 2, len(source)))
    with pytest.raises(InputError) as caught, naming_bad(small, max_pixels=9):
        decode(tf.constant(JPEG), max_pixels=9)
    for name in small.names:
        assert name in str(caught.value)


def test_all_bad_ones_are_found(source):
    for place, check in ((1, has_signature), (2, decodes)):
        expected = {name for name, about in FILES.items() if not about[place]}
        assert names(source, find_bad(source, check)) == expected
    assert len(source) == len(FILES) + 2


def test_pixels_are_never_bad(source):
    def never(path):
        raise AssertionError("there are no files to look at")

    pixels = dataclasses.replace(source, encoded=False)
    assert find_bad(pixels, never).tolist() == []
    assert skip_bad(pixels) is pixels


def test_refusal_names_the_files(source):
    bad = [source.names[place] for place in find_bad(source, has_signature)]
    assert refusal(refuse_bad, source, has_signature) == (
        "every file must be a whole JPEG, PNG, GIF, BMP or WebP of no more "
        "than max_pixels; mend or remove these, or leave such files out with "
        f"--on_bad_image=skip. Received: {', '.join(bad)}"
    )
    assert len(bad) == 5


def test_refusal_of_many_names_five(source):
    bad = [source.names[place] for place in find_bad(source, decodes)]
    message = refusal(refuse_bad, source, decodes)
    assert message.endswith(
        f"Received: {', '.join(bad[:5])} and {len(bad) - 5} more"
    )


def test_whole_files_pass(folder):
    val = open_splits(f"folder:{folder}")["val"]
    refuse_bad(val, has_signature)
    refuse_bad(val, decodes)
    assert skip_bad(val) is val


def test_skipping_leaves_the_whole_ones(source):
    rest = skip_bad(source)
    left = ["png inside.jpg", "whole.jpg", "whole.png", "1.jpg", "2.jpg"]
    assert [name.rpartition("/")[2] for name in rest.names] == left
    assert rest.labels.tolist() == [0, 0, 0, 1, 1]
    bad = {name for name, about in FILES.items() if not about[2]}
    told = [name.rpartition("/")[2] for name in rest.skipped]
    assert set(told) == {
        f"{name} ({REASONS.get(name, 'damaged')})" for name in bad
    }
    assert len(rest.skipped) == len(bad)
    for index, name in zip(rest.indices, rest.names, strict=True):
        with open(name, "rb") as file:
            assert rest.fetch(tf.constant(index)).numpy() == file.read()


def test_training_runs_on_what_is_left(source):
    options = dict(image_size=8, batch_size=5, decode_scale=False)
    (batch,) = train_pipeline(skip_bad(source), **options).as_numpy_iterator()
    assert sorted(batch[1]) == [0, 0, 0, 1, 1]
    with pytest.raises(tf.errors.OpError):
        list(train_pipeline(source, **options))


def test_class_that_would_be_empty_is_refused(tmp_path):
    write(tmp_path / "train" / "cats" / "1.jpg", JPEG)
    write(tmp_path / "train" / "dogs" / "1.jpg", b"")
    write(tmp_path / "train" / "dogs" / "2.jpg", JPEG[:100])
    for label in ("cats", "dogs"):
        write(tmp_path / "val" / label / "1.jpg", JPEG)
    source = open_splits(f"folder:{tmp_path}")["train"]
    assert refusal(skip_bad, source) == (
        "every class needs at least one image that decodes. Received: none "
        f"in class dogs, e.g. {tmp_path / 'train' / 'dogs' / '1.jpg'} (empty)"
    )

    rest = skip_bad(source, every_class=False)  # as of validation images
    assert rest.labels.tolist() == [0] and len(rest.skipped) == 2


def test_progress_counts_to_the_end(source):
    calls = []
    skip_bad(source, lambda done, total: calls.append((done, total)))
    assert calls == [(len(source), len(source))]
