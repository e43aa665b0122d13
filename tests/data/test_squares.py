"""How squares are cut, against the steps written out one by one."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import decode, open_splits, resize
from kerastricks.data.crop import random_resized_crop_box, uniform
from kerastricks.data.squares import FILTER, Squares
from kerastricks.errors import InputError

SIZE = 16
# Not quite to black and white, where Pillow cuts bicubic's swings halfway.
IMAGE = np.random.RandomState(0).randint(40, 216, (40, 56, 3)).astype(np.uint8)
JPEG = tf.io.encode_jpeg(IMAGE)
SMALL = IMAGE[:SIZE, :SIZE]  # of the square's size
KEYS = [tf.constant([7, place]) for place in range(60)]


def squares_of(image, count=60, encoded=False, **options):
    """One for each key."""
    squares = Squares(SIZE, decode_scale=False, **options)
    cut = tf.function(lambda key: squares.train(image, key, encoded))
    return np.stack([cut(key).numpy() for key in KEYS[:count]])


def place_in(image, square):
    """The corners at which the square is found."""
    views = np.lib.stride_tricks.sliding_window_view(
        image, square.shape, axis=(0, 1, 2)
    )[:, :, 0]
    return list(zip(*np.nonzero((views == square).all((2, 3, 4))), strict=True))


def positions(image, squares):
    places = [place_in(image, square) for square in squares]
    assert all(len(place) == 1 for place in places)
    return np.array([place[0] for place in places])


# Random resized crop


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_rrc_is_the_resized_box_of_the_key(encoded, interpolation):
    law = dict(crop_area=(0.2, 0.6), crop_aspect=(0.5, 2.0))
    data = JPEG if encoded else IMAGE
    whole = decode.decode(JPEG).numpy() if encoded else IMAGE
    got = squares_of(data, 8, encoded, interpolation=interpolation, **law)
    for key, square in zip(KEYS, got, strict=False):
        box = random_resized_crop_box(40, 56, key, *law.values()).numpy()
        top, left, h, w = box
        part = tf.constant(whole[top : top + h, left : left + w])
        expected = resize.resize(part, SIZE, SIZE, interpolation)
        np.testing.assert_array_equal(square, expected)


def test_random_filter_is_either_and_leaves_the_box_alone():
    one, other, random = (
        squares_of(IMAGE, interpolation=name)
        for name in ("bilinear", "bicubic", "random")
    )
    is_one = (random == one).all(axis=(1, 2, 3))
    is_other = (random == other).all(axis=(1, 2, 3))
    assert (is_one ^ is_other).all()
    drawn = [uniform([], key ^ [FILTER, 0]) < 0.5 for key in KEYS]
    np.testing.assert_array_equal(is_other, drawn)
    assert 15 <= is_other.sum() <= 45  # 30 +- 3.9


# Padding


def test_pad_gives_every_place_around_the_image():
    """RandomCrop(size, padding=4): corners 0 to 8, zeros outside."""
    padded = np.pad(SMALL, ((4, 4), (4, 4), (0, 0)))
    found = positions(padded, squares_of(SMALL, train_crop="pad"))
    assert found.min() == 0 and found.max() == 8
    # 60 draws of each of 9 places: 6.7 +- 2.4.
    for column in found.T:
        counts = np.bincount(column, minlength=9)
        assert counts.min() >= 1 and counts.max() <= 16
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.4


def test_pad_may_reflect():
    padded = np.pad(SMALL, ((2, 2), (2, 2), (0, 0)), "reflect")
    options = dict(train_crop="pad", crop_padding=2, crop_fill="reflect")
    found = positions(padded, squares_of(SMALL, **options))
    assert found.min() == 0 and found.max() == 4


def test_no_padding_is_the_image_itself():
    got = squares_of(SMALL, 3, train_crop="pad", crop_padding=0)
    assert (got == SMALL).all()


def test_pad_resizes_the_short_side_first():
    resized = resize.resize(tf.constant(IMAGE), 16, 22).numpy()
    padded = np.pad(resized, ((4, 4), (4, 4), (0, 0)))
    found = positions(padded, squares_of(IMAGE, train_crop="pad"))
    assert found[:, 0].max() == 8 and found[:, 1].max() == 14


# Resize and random crop


@pytest.mark.parametrize(
    "image, room", [(IMAGE, (4, 12)), (IMAGE.swapaxes(0, 1), (12, 4))]
)
def test_resize_crops_anywhere(image, room):
    """16 / .8 = 20, 56 * 20 / 40 = 28: 5 by 13 places."""
    resized = resize.resize(tf.constant(image), 16 + room[0], 16 + room[1])
    got = squares_of(image, train_crop="resize", eval_crop=0.8)
    views = np.lib.stride_tricks.sliding_window_view(
        resized.numpy().astype(int), (SIZE, SIZE, 3), axis=(0, 1, 2)
    )[:, :, 0]
    found = []
    for square in got:
        error = np.abs(views - square).max(axis=(2, 3, 4))
        assert error.min() <= 1  # halves are rounded either way
        found.append(np.unravel_index(error.argmin(), error.shape))
    found = np.array(found)
    assert tuple(found.min(axis=0)) == (0, 0)
    assert tuple(found.max(axis=0)) == room


# Centre


@pytest.mark.parametrize("eval_crop, side", [(0.8, 20), (1.0, 16)])
@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_both_protocols_are_pillows_resize_and_centre_crop(
    eval_crop, side, name
):
    """torchvision's Resize(side), which cuts to whole pixels, CenterCrop."""
    image = pytest.importorskip("PIL.Image")
    width = int(side * 56 / 40)
    method = getattr(image, name.upper())
    whole = np.asarray(image.fromarray(IMAGE).resize((width, side), method))
    top, left = round((side - SIZE) / 2), round((width - SIZE) / 2)
    expected = whole[top : top + SIZE, left : left + SIZE]
    squares = Squares(SIZE, eval_crop=eval_crop, interpolation=name)
    got = squares.eval(tf.constant(IMAGE), encoded=False).numpy()
    assert np.abs(got.astype(int) - expected).max() <= 1


def test_evaluation_of_random_filters_is_bicubic():
    random = Squares(SIZE, interpolation="random").centre(tf.constant(IMAGE))
    cubic = Squares(SIZE, interpolation="bicubic").centre(tf.constant(IMAGE))
    np.testing.assert_array_equal(random, cubic)


def test_centre_of_training_is_that_of_evaluation():
    squares = Squares(SIZE, train_crop="center")
    got = squares.train(JPEG, KEYS[0], encoded=True)
    np.testing.assert_array_equal(got, squares.eval(JPEG, encoded=True))


def test_serving_gives_the_pixels_of_evaluation(tmp_path):
    """The same square eagerly, in a pipeline and in a SavedModel."""
    squares = Squares(SIZE)
    expected = squares.eval(JPEG, encoded=True)
    stream = tf.data.Dataset.from_tensors(JPEG).map(
        lambda data: squares.eval(data, encoded=True)
    )
    np.testing.assert_array_equal(next(iter(stream)), expected)
    module = tf.Module()
    module.serve = tf.function(
        lambda data: squares.eval(data, encoded=True),
        input_signature=[tf.TensorSpec([], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_array_equal(loaded.serve(JPEG), expected)


# All of them


@pytest.mark.parametrize(
    "name, encoded",
    [("rrc", True), *((n, False) for n in ("rrc", "pad", "resize", "center"))],
)
def test_shape_is_known_and_the_key_decides(name, encoded):
    squares = Squares(SIZE, train_crop=name)
    stream = tf.data.Dataset.from_tensor_slices(tf.stack(KEYS[:4])).map(
        lambda key: squares.train(JPEG if encoded else IMAGE, key, encoded)
    )
    assert stream.element_spec == tf.TensorSpec([SIZE, SIZE, 3], tf.uint8)
    first = list(stream.as_numpy_iterator())
    np.testing.assert_array_equal(first, list(stream.as_numpy_iterator()))
    assert (first[0] != first[1]).any() == (name != "center")


@pytest.mark.parametrize("name", ["rrc", "pad", "resize", "center"])
def test_limit_of_pixels_holds_for_all(name):
    squares = Squares(SIZE, train_crop=name, max_pixels=100)
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_pixels=100"):
        squares.train(JPEG, KEYS[0], encoded=True)
    dataclasses.replace(squares, max_pixels=0).train(JPEG, KEYS[0], True)


def test_unknown_crop_is_refused():
    with pytest.raises(ValueError, match="Received: train_crop=tight"):
        Squares(SIZE, train_crop="tight").train(IMAGE, KEYS[0], False)


def test_mirror_image_must_be_large_enough():
    Squares(8, train_crop="pad", crop_padding=7, crop_fill="reflect")
    with pytest.raises(InputError, match="crop_padding=8, image_size=8"):
        Squares(8, train_crop="pad", crop_padding=8, crop_fill="reflect")


def test_finished_square_is_left_alone(image_folder):
    source = open_splits(f"folder:{image_folder}")["train"]
    square = tf.constant(IMAGE[:SIZE, :SIZE])
    kept = dataclasses.replace(
        source, fetch=lambda index: square, encoded=False, square=SIZE
    )
    squares, key = Squares(SIZE, eval_crop=0.5), tf.constant([0, 1])
    for got in (squares.training(kept, 0, key), squares.evaluation(kept, 0)):
        np.testing.assert_array_equal(got, square)
    data = tf.io.read_file(source.names[0])
    np.testing.assert_array_equal(
        squares.training(source, 0, key), squares.train(data, key, True)
    )
    np.testing.assert_array_equal(
        squares.evaluation(source, 0), squares.eval(data, True)
    )
