import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, Cutout, cutout_batch, draws

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 9, 8, 11


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return random.normal(size=(BATCH, HEIGHT, WIDTH, 3)).astype(np.float32)


def keys(count=BATCH, step=3):
    places = np.arange(count)
    return np.stack([np.full(count, step), places], axis=1).astype(np.int32)


def changed(trick, images, keys):
    found, _ = Augment([trick])(images, None, keys)
    return ops.convert_to_numpy(found)


def papers_cutout(image, centres, length):
    """As in cutout.py of the paper's code, for centres (y, x)."""
    h, w = image.shape[:2]
    mask = np.ones((h, w), np.float32)
    for y, x in centres:
        y1, y2 = np.clip([y - length // 2, y + length // 2], 0, h)
        x1, x2 = np.clip([x - length // 2, x + length // 2], 0, w)
        mask[y1:y2, x1:x2] = 0.0
    return image * mask[:, :, None]


def from_keys(trick, images, keys):
    """What the trick makes of them, worked out from the draws."""
    drawn = draws.uniform(keys, "cutout", 2 * trick.holes)
    drawn = ops.convert_to_numpy(drawn).reshape(-1, trick.holes, 2)
    centres = np.int32(drawn * images.shape[1:3])
    return np.stack(
        [
            papers_cutout(image, own, trick.length)
            for image, own in zip(images, centres, strict=True)
        ]
    )


@pytest.mark.parametrize("length", [2, 4, 5, 30])
@pytest.mark.parametrize("holes", [1, 3])
def test_squares_are_the_papers(holes, length, images):
    random = np.random.RandomState(holes)
    centres = random.randint(0, (HEIGHT, WIDTH), (BATCH, holes, 2))
    centres[0, 0], centres[1, 0] = (0, 0), (HEIGHT - 1, WIDTH - 1)
    found = ops.convert_to_numpy(
        cutout_batch(images, centres.astype(np.int32), length)
    )
    assert found.dtype == np.float32
    for got, image, own in zip(found, images, centres, strict=True):
        np.testing.assert_array_equal(got, papers_cutout(image, own, length))


@pytest.mark.parametrize("trick", [Cutout(4), Cutout(5, holes=3)])
def test_the_keys_choose_the_centres(trick, images):
    found = changed(trick, images, keys())
    np.testing.assert_array_equal(found, from_keys(trick, images, keys()))


def test_centres_are_uniform_on_the_whole_image():
    # A square of 2 is cut off at the top and the left only.
    count = 4000
    images = np.ones((count, 5, 4, 1), np.float32)
    erased = changed(Cutout(2), images, keys(count))[..., 0] == 0
    # The last place that is erased is that of the centre, or nothing.
    centres = np.zeros((5, 4), int)
    for hole in erased:
        rows, columns = np.nonzero(hole)
        assert len(rows) in (1, 2, 4)
        centres[rows.max(), columns.max()] += 1
    # 19 degrees of freedom: below this in all but 1 of 10^3 draws.
    assert np.sum((centres - 200) ** 2 / 200) < 44


def test_clipped_squares_erase_less():
    count, side, length = 4000, 8, 4
    images = np.ones((count, side, side, 1), np.float32)
    erased = np.mean(changed(Cutout(length), images, keys(count)) == 0)
    # Along one axis, centres 0 ... 7 erase 2, 3, 4, 4, 4, 4, 4, 3 pixels.
    expected = (28 / 8 / side) ** 2
    assert abs(erased - expected) < 0.004  # deviation .0008


@pytest.mark.parametrize("fill", [(1.0, -2.0, 3.0), "noise"])
def test_fills(fill, images):
    trick = Cutout(4, fill=fill)
    mask = from_keys(Cutout(4), np.ones_like(images), keys()) == 0
    if fill == "noise":
        values = draws.normal(keys(), "erase noise", HEIGHT * WIDTH * 3)
        values = ops.convert_to_numpy(values).reshape(images.shape)
    else:
        values = np.float32(fill)
    np.testing.assert_allclose(
        changed(trick, images, keys()),
        np.where(mask, values, images),
        atol=1e-5,
    )


def test_a_fill_of_ones_own(images):
    centres = np.random.RandomState(5).randint(0, 8, (BATCH, 2, 2))
    fill = np.arange(BATCH * 3, dtype=np.float32).reshape(BATCH, 1, 1, 3)
    found = ops.convert_to_numpy(
        cutout_batch(images, centres.astype(np.int32), 4, fill)
    )
    for i, image in enumerate(images):
        gone = papers_cutout(np.ones_like(image), centres[i], 4) == 0
        np.testing.assert_array_equal(found[i], np.where(gone, fill[i], image))


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([Cutout(4)])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).mean() > 0.8


def test_a_batch_of_one_under_a_half_precision_policy(images):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed(Cutout(6), images[:1], keys(1))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(
        found, from_keys(Cutout(6), images[:1], keys(1))
    )


def test_config_round_trip():
    trick = Cutout(8, holes=2, fill=(1.0, 2.0, 3.0))
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"length": 1}, r"length must be at least 2\. Received: length=1"),
        ({"holes": 0}, r"holes must be at least 1\. Received: holes=0"),
        (
            {"fill": "black"},
            r"fill must be mean, color, noise, a number or three\. "
            "Received: fill=black",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Cutout(**arguments)


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert Cutout.training_only and not Cutout.mixes
