"""The built-in dataset: the same bytes everywhere, whole or not there."""

import errno
import hashlib
import math

import numpy as np
import pytest

from kerastricks.data.sources import shapes

# Found alike with NumPy 1.26 and 2.4, with and without AVX. A new value is a
# new dataset: then shapes.VERSION must change too.
PIXELS_SHA256 = (
    "b0d357ddd596c88b51b5348681dc2822a4acb6f2266a7bdc9aa7ad81d5bbd9ae"
)
FILES_SHA256 = (
    "b42cb0120b6e65d4dda6fd1414560e154e3eded8016757f7050117590fdb95b9"
)
FEW = {"train": 3, "test": 2}
SPLITS = ("train", "test")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(folder, progress calls) of one whole generation."""
    calls = []
    folder = shapes.shapes_folder(
        tmp_path_factory.mktemp("cache"),
        progress=lambda done, total: calls.append((done, total)),
    )
    return folder, calls


def drawn(split, indices):
    """Images [10, n, 64, 64, 3] of all classes."""
    return np.stack([shapes.render(split, k, indices) for k in range(10)])


def radii(turns, radius):
    """x, y float32 of points on a circle, at some turns of it."""
    angles = 2 * math.pi * np.asarray(turns)
    x, y = radius * np.cos(angles), radius * np.sin(angles)
    return x.astype(np.float32), y.astype(np.float32)


class Fixed:
    """Draws that give the middle of every range."""

    def uniform(self, name, low=0.0, high=1.0):
        return np.float32((low + high) / 2)


# The same on every machine


def test_pixels_are_those_of_every_other_machine():
    digest = hashlib.sha256()
    for split in SPLITS:
        digest.update(drawn(split, range(5)).tobytes())
    assert digest.hexdigest() == PIXELS_SHA256


def test_files_are_those_of_every_other_machine(whole):
    digest = hashlib.sha256()
    for file in sorted(whole[0].glob("*/*/*7.jpg")):
        digest.update(file.read_bytes())
    assert digest.hexdigest() == FILES_SHA256


def test_hash_is_lowbias32_in_exact_integers():
    def reference(x):
        x = (x ^ x >> 16) * 0x7FEB352D % 2**32
        x = (x ^ x >> 15) * 0x846CA68B % 2**32
        return x ^ x >> 16

    values = [0, 1, 2, 0x12345678, 0xFFFFFFFF]
    got = shapes._mix(np.array(values, np.uint32))
    assert got.dtype == np.uint32
    assert got.tolist() == [reference(value) for value in values]


def test_no_real_number_is_wider_than_float32():
    """A float64 scalar among them gives other pixels in NumPy 1 than in 2."""
    draw = shapes._Draws("train", 0, range(10))
    shape, ground = shapes._tones(draw)
    pose = shapes._Pose(draw)
    image = shapes._background(draw, ground)
    assert {image.dtype, shape[1].dtype, pose.x.dtype} == {np.dtype("float32")}
    for outline in shapes._OUTLINES.values():
        assert outline(draw, *pose.local()).dtype == np.float32
    image = shapes._bar(draw, shapes._marks(draw, image, shape), ground, pose)
    image = shapes._blur(draw, shapes._light(draw, image))
    assert (image + shapes._noise(draw)).dtype == np.float32


def test_image_does_not_depend_on_its_batch():
    for label in range(10):
        batch = shapes.render("train", label, range(40))
        alone = shapes.render("train", label, [17])
        np.testing.assert_array_equal(alone[0], batch[17])


# What is drawn


@pytest.mark.parametrize(
    "name, corners, first, outer, inner",
    [
        ("triangle", 3, 0.5, 1.08, 0.54),
        ("square", 4, 0.125, 0.76 * math.sqrt(2), 0.76),
        ("pentagon", 5, 0.5, 0.8 / math.cos(math.pi / 5), 0.8),
        ("star", 5, 0.0, 1.05, 0.46),
    ],
)
def test_outline_passes_through_corners_and_between(
    name, corners, first, outer, inner
):
    """Its corners are at `outer`, and half-way between, its edge at `inner`."""
    turns = first + np.arange(corners) / corners
    outline = shapes._OUTLINES[name]
    half = 0.5 / corners
    for radius, offset in [(outer, 0.0), (inner, half)]:
        for scale, sign in [(1.0, 0), (0.9, -1), (1.1, 1)]:
            x, y = radii(turns + offset, radius * scale)
            distance = outline(Fixed(), x, y)
            if sign:
                assert (np.sign(distance) == sign).all()
            else:
                np.testing.assert_allclose(distance, 0.0, atol=1e-4)


@pytest.mark.parametrize(
    "name, x, y, distance",
    [
        ("circle", 0.6, 0.8, 0.12),
        ("circle", 0.0, 0.0, -0.88),
        ("ring", 0.92, 0.0, 0.0),  # 0.18 thick on either side of 0.74
        ("ring", 0.0, 0.74, -0.18),
        ("ring", 0.0, 0.0, 0.56),
        ("cross", 0.5, 0.27, 0.0),
        ("cross", 0.5, 0.5, 0.23),
        ("cross", 0.0, 1.0, 0.08),
        ("arrow", 1.0, 0.0, 0.0),
        ("arrow", -0.95, 0.0, 0.0),
        ("arrow", -0.5, 0.215, 0.0),
        ("arrow", 0.05, 0.7, 0.0),
        ("crescent", -0.75, 0.0, 0.0),
        ("crescent", 0.685, 0.0, 0.72),
        ("crescent", -0.035, 0.0, 0.0),
        ("heart", 0.0, 0.53 * 1.65, 0.0),
        ("heart", 0.0, -0.47 * 1.65, 0.0),
        ("heart", 0.25 * 1.65, -0.22 * 1.65, -1.65 * math.sqrt(0.125)),
    ],
)
def test_outline_at_points_found_by_hand(name, x, y, distance):
    x, y = np.array([x], np.float32), np.array([y], np.float32)
    got = shapes._OUTLINES[name](Fixed(), x, y)
    np.testing.assert_allclose(got, [distance], atol=1e-5)


def test_edges_are_anti_aliased():
    distance = np.array([-3.0, -0.5, -0.25, 0.0, 0.25, 0.5, 3.0], np.float32)
    expected = [1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    assert shapes._cover(distance).tolist() == expected


def test_blur_is_1_2_1_and_repeats_the_border():
    image = np.zeros((1, 1, 3, 5), np.float32)
    image[..., 0], image[..., 3] = 4.0, 8.0
    expected = [3.0, 1.0, 2.0, 4.0, 2.0]
    blurred = shapes._blur_columns(image)
    assert blurred[0, 0].tolist() == [expected] * 3
    rows = shapes._blur_rows(image.swapaxes(2, 3))
    np.testing.assert_array_equal(rows, blurred.swapaxes(2, 3))


def test_colour_has_the_luma_asked_for():
    draw = shapes._Draws("train", 0, range(200))
    luma = np.full((200, 1, 1), 0.5, np.float32)
    colour = shapes._colour(draw, "some", luma)
    free = ((colour > 0) & (colour < 1)).all(axis=(1, 2, 3))  # not clipped
    weights = np.reshape([0.299, 0.587, 0.114], (3, 1, 1))
    assert free.sum() > 150
    np.testing.assert_allclose((colour * weights).sum(1)[free], 0.5, atol=1e-6)


def test_mean_colour_says_nothing_of_the_class():
    train = drawn("train", range(100)).mean(axis=(2, 3))
    test = drawn("test", range(100)).mean(axis=(2, 3))
    centres = train.mean(axis=1)
    distance = np.linalg.norm(test[:, :, None] - centres, axis=-1)
    right = distance.argmin(-1) == np.arange(10)[:, None]
    assert right.mean() < 0.14  # 0.1 by chance, with a deviation of 0.01


def test_draws_are_uniform_and_of_their_own_name():
    draw = shapes._Draws("train", 0, range(4000))
    one, two = draw.uniform("one", 2.0, 4.0), draw.uniform("two", 2.0, 4.0)
    assert one.min() >= 2.0 and one.max() <= 4.0
    # Deviations of a mean and of a correlation over 4,000, times four.
    assert abs(one.mean() - 3.0) < 4 * (2 / math.sqrt(12 * 4000))
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 4 / 63
    assert abs(draw.happens("three", 0.2).mean() - 0.2) < 4 * 0.4 / 63


@pytest.mark.parametrize(
    "split, label, message",
    [
        ("val", 0, "split must be 'train' or 'test'. Received: split='val'"),
        ("test", 10, "label must be 0 to 9. Received: label=10"),
        ("test", -1, "label must be 0 to 9. Received: label=-1"),
    ],
)
def test_render_refuses_what_is_not_there(split, label, message):
    with pytest.raises(ValueError, match=message):
        shapes.render(split, label, [0])


# The folder


def test_folder_holds_every_image_of_every_class(whole):
    assert list(shapes.CLASS_NAMES) == sorted(shapes.CLASS_NAMES)
    expected = {
        f"{split}/{name}/{index:04d}.jpg"
        for split, count in [("train", 400), ("test", 100)]
        for name in shapes.CLASS_NAMES
        for index in range(count)
    }
    folder = whole[0]
    assert folder.name == "shapes-v1"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.relative_to(folder).as_posix() for path in files} == expected
    assert list(folder.parent.iterdir()) == [folder]


def test_no_image_occurs_twice(whole):
    files = list(whole[0].rglob("*.jpg"))
    digests = {hashlib.sha256(file.read_bytes()).digest() for file in files}
    assert len(digests) == len(files) == 5000


def test_file_is_the_rendered_image_to_jpeg_accuracy(whole):
    import tensorflow as tf

    file = whole[0] / "test" / "star" / "0042.jpg"
    image = tf.io.decode_jpeg(file.read_bytes()).numpy()
    label = shapes.CLASS_NAMES.index("star")
    pixels = shapes.render("test", label, [42])[0]
    assert image.shape == (64, 64, 3)
    assert np.abs(image - pixels.astype(float)).mean() < 4.0


def test_progress_counts_to_the_end(whole):
    done = [call[0] for call in whole[1]]
    assert done == list(range(100, 5001, 100))
    assert {call[1] for call in whole[1]} == {5000}


def test_second_call_does_not_draw_again(whole, monkeypatch):
    folder = whole[0]
    file = folder / "train" / "arrow" / "0000.jpg"
    before = file.stat().st_mtime_ns
    monkeypatch.setattr(shapes, "render", None)
    assert shapes.shapes_folder(folder.parent) == folder
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_nothing_and_the_next_call_succeeds(
    tmp_path, monkeypatch, error
):
    def failing(split, label, indices, render=shapes.render):
        if label == 4:
            raise error("halfway")
        return render(split, label, indices)

    with monkeypatch.context() as patch, pytest.raises(error, match="halfway"):
        patch.setattr(shapes, "render", failing)
        shapes.shapes_folder(tmp_path, _counts=FEW)
    assert list(tmp_path.iterdir()) == []
    folder = shapes.shapes_folder(tmp_path, _counts=FEW)
    assert len(list(folder.rglob("*.jpg"))) == 50


def test_stale_draft_of_a_killed_process_does_no_harm(tmp_path):
    stale = tmp_path / ".shapes-v1-0123" / "train" / "arrow"
    stale.mkdir(parents=True)
    folder = shapes.shapes_folder(tmp_path, _counts=FEW)
    assert len(list(folder.rglob("*.jpg"))) == 50


def test_folder_of_a_faster_process_is_kept(tmp_path):
    theirs = tmp_path / "shapes-v1" / "theirs"

    def overtake(done, total):
        theirs.mkdir(parents=True, exist_ok=True)

    folder = shapes.shapes_folder(tmp_path, progress=overtake, _counts=FEW)
    assert list(tmp_path.iterdir()) == [folder]
    assert list(folder.iterdir()) == [theirs]


def test_cache_that_cannot_be_written_is_named_with_its_remedy(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(OSError, match="set KERASTRICKS_CACHE") as caught:
        shapes.shapes_folder(file / "cache")
    assert f"Received: cache={str(file / 'cache')!r}" in str(caught.value)


def test_full_disk_is_an_oserror_that_keeps_its_number(tmp_path, monkeypatch):
    def full(image):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shapes, "_jpeg", full)
    with pytest.raises(OSError, match="20 MB.*No space left") as caught:
        shapes.shapes_folder(tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "variables, expected",
    [
        ({"KERASTRICKS_CACHE": "own", "XDG_CACHE_HOME": "xdg"}, "own"),
        ({"KERASTRICKS_CACHE": "", "XDG_CACHE_HOME": "xdg"}, "xdg/kerastricks"),
        ({"XDG_CACHE_HOME": ""}, "home/.cache/kerastricks"),
    ],
)
def test_default_cache(tmp_path, monkeypatch, variables, expected):
    monkeypatch.delenv("KERASTRICKS_CACHE", raising=False)
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path / "home"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value and str(tmp_path / value))
    folder = shapes.shapes_folder(_counts={"test": 1})
    assert folder == tmp_path / expected / "shapes-v1"
    assert len(list(folder.rglob("*.jpg"))) == 10
