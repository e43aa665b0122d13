import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, HideAndSeek, draws
from kerastricks.augment.hide_and_seek import cell_mask
from kerastricks.backend import fused

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 24, 14, 19


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return random.normal(size=(BATCH, HEIGHT, WIDTH, 3)).astype(np.float32)


def keys(count=BATCH, step=3):
    places = np.arange(count)
    return np.stack([np.full(count, step), places], axis=1).astype(np.int32)


def mask_of(trick, count, height, width):
    """bool [count, height, width]: what goes."""
    mask = fused(lambda keys: trick.mask(keys, height, width))(keys(count))
    return ops.convert_to_numpy(mask)


def changed(trick, images, keys):
    found, _ = Augment([trick])(images, None, keys)
    return ops.convert_to_numpy(found)


def hidden_pixels(side, hides, height, width):
    """Cell by cell, as in the paper's code; `hides` [R, C] says which go."""
    gone = np.zeros((height, width), bool)
    if side:
        for row in range(0, height, side):
            for column in range(0, width, side):
                if hides[row // side, column // side]:
                    gone[row : row + side, column : column + side] = True
    return gone


def from_keys(trick, height, width, keys):
    """[(side of a cell, what goes)] of each image, from the draws."""
    shorter = min(height, width)
    sides = [round(size * shorter) for size in trick.sizes]
    smallest = min([side for side in sides if side] or [height])
    cells = -(-height // smallest), -(-width // smallest)
    count = 1 + cells[0] * cells[1]
    drawn = draws.uniform(keys, "hide and seek", count)
    for row in ops.convert_to_numpy(drawn):
        side = sides[int(row[0] * len(sides))]
        hides = row[1:].reshape(cells) < trick.rate
        yield side, hidden_pixels(side, hides, height, width)


@pytest.mark.parametrize("height, width", [(8, 8), (7, 11)])
def test_cells_go_one_by_one(height, width):
    random = np.random.RandomState(1)
    sides = np.array([1, 2, 3, 4, 5, 7, 11])
    hides = random.uniform(size=(7, 11, 11)) < 0.5
    cells = fused(lambda *draws: cell_mask(*draws, height, width))
    found = cells(hides, sides.astype(np.float32))
    found = ops.convert_to_numpy(found)
    for got, side, hidden in zip(found, sides, hides, strict=True):
        want = hidden_pixels(side, hidden, height, width)
        np.testing.assert_array_equal(got, want)


def test_borders_of_large_images_lie_between_whole_cells():
    side = 385
    cells = np.arange(1, 60, 4)
    hides = np.zeros((len(cells), side, 1), bool)
    hides[:, ::2] = True
    found = cell_mask(hides, cells.astype(np.float32), side, 1)
    expected = np.arange(side) // cells[:, None] % 2 == 0
    np.testing.assert_array_equal(ops.convert_to_numpy(found)[..., 0], expected)


@pytest.mark.parametrize(
    "trick",
    [
        HideAndSeek(),
        HideAndSeek(0.3, sizes=(0.3, 0.5, 1.0)),
        HideAndSeek(0.6, sizes=(0.01,)),
        HideAndSeek(0.9, sizes=(0,)),
    ],
    ids=["default", "large", "pixels", "none"],
)
def test_the_keys_choose_sizes_and_cells(trick, images):
    found = changed(trick, images, keys())
    if trick.sizes == (0.01,):  # at least a pixel
        trick = HideAndSeek(0.6, sizes=(1 / 14,))
    drawn = list(from_keys(trick, HEIGHT, WIDTH, keys()))
    for got, image, (_, gone) in zip(found, images, drawn, strict=True):
        np.testing.assert_array_equal(got, np.where(gone[..., None], 0, image))
    assert len({side for side, _ in drawn}) == len(trick.sizes)


def test_each_cell_goes_with_the_rate_and_by_itself():
    # One pixel is a cell.
    count = 4000
    mask = mask_of(HideAndSeek(0.3, sizes=(0.5,)), count, 2, 2)
    gone = mask.reshape(count, 4)
    np.testing.assert_allclose(gone.mean(axis=0), 0.3, atol=0.03)
    apart = np.corrcoef(gone.T.astype(float)) - np.eye(4)
    assert np.abs(apart).max() < 0.07  # deviation .016


def test_sizes_at_224_pixels_are_the_papers():
    count = 20
    trick = HideAndSeek()
    mask = mask_of(trick, count, 224, 224)
    drawn = draws.uniform(keys(count), "hide and seek", 1 + 14 * 14)
    drawn = ops.convert_to_numpy(drawn)
    seen = set()
    for got, row in zip(mask, drawn, strict=True):
        side = (0, 16, 32, 44, 56)[int(row[0] * 5)]
        hides = row[1:].reshape(14, 14) < 0.5
        np.testing.assert_array_equal(got, hidden_pixels(side, hides, 224, 224))
        seen.add(side)
    assert len(seen) == 5


def test_a_fifth_stays_whole():
    count = 2000
    mask = mask_of(HideAndSeek(), count, 28, 28)  # cells of 2 to 7
    gone = mask.reshape(count, -1).mean(axis=1)
    assert abs(np.mean(gone == 0) - 0.2) < 0.035  # deviation .009
    assert abs(gone.mean() - 0.4) < 0.02


def test_rate_0_is_the_identity_and_rate_1_hides_all(images):
    found = changed(HideAndSeek(0.0), images, keys())
    np.testing.assert_array_equal(found, images)
    found = changed(HideAndSeek(1.0, sizes=(0.3,)), images, keys())
    np.testing.assert_array_equal(found, 0 * images)


def test_fill(images):
    trick = HideAndSeek(0.5, sizes=(0.3,), fill=(1.0, -2.0, 3.0))
    drawn = from_keys(trick, HEIGHT, WIDTH, keys())
    gone = np.stack([own for _, own in drawn])[..., None]
    expected = np.where(gone, np.float32([1, -2, 3]), images)
    np.testing.assert_array_equal(changed(trick, images, keys()), expected)


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([HideAndSeek(0.5, sizes=(0.2,))])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()


def test_a_batch_of_one_under_a_half_precision_policy(images):
    trick = HideAndSeek(0.5, sizes=(0.2, 0.4))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed(trick, images[:1], keys(1))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    ((_, gone),) = from_keys(trick, HEIGHT, WIDTH, keys(1))
    expected = np.where(gone[..., None], 0, images[0])
    np.testing.assert_array_equal(found[0], expected)


def test_config_round_trip():
    trick = HideAndSeek(0.3, sizes=(0, 0.25), fill="color")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("sizes", [(), (0.5, -0.1), (1.5,)])
def test_bad_sizes(sizes):
    rule = r"sizes must be shares of the side in \[0, 1\], at least one\. "
    with pytest.raises(ValueError, match=rule + r"Received: sizes=\("):
        HideAndSeek(sizes=sizes)


def test_bad_rate_and_fill():
    rule = r"rate must be in \[0, 1\]\. Received: rate=-0.5"
    with pytest.raises(ValueError, match=rule):
        HideAndSeek(-0.5)
    with pytest.raises(ValueError, match=r"fill must .*\. Received: fill=x"):
        HideAndSeek(fill="x")


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert HideAndSeek.training_only and not HideAndSeek.mixes
