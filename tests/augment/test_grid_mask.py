import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, GridMask, draws
from kerastricks.augment.grid_mask import grid_mask, turned, upright
from kerastricks.backend import fused

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 16, 14, 17


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


def papers_grid(d, length, st_h, st_w, h, w):
    """What goes, as in grid.py of the paper's code in its mode 1.

    Its mask is larger than the image by what a rotation needs, and its middle
    is cut out.
    """
    hh = math.ceil(math.sqrt(h * h + w * w))
    mask = np.ones((hh, hh), np.float32)
    for axis, start in enumerate((st_h, st_w)):
        for i in range(-1, hh // d + 1):
            s = max(min(d * i + start, hh), 0)
            t = max(min(d * i + start + length, hh), 0)
            if axis == 0:
                mask[s:t, :] *= 0
            else:
                mask[:, s:t] *= 0
    top, left = (hh - h) // 2, (hh - w) // 2
    mask = mask[top : top + h, left : left + w]
    kept = 1 - mask  # mode 1
    return kept == 0


def from_keys(trick, height, width, keys):
    """(chosen, period, kept, phase [.., 2]) of each image."""
    drawn = ops.convert_to_numpy(draws.uniform(keys, "grid mask", 5))
    side = min(height, width)
    low, high = (round(share * side) for share in trick.period)
    periods = [low + int(row[1] * (high - low)) for row in drawn]
    for row, period in zip(drawn, periods, strict=True):
        kept = math.ceil(period * trick.ratio)
        phase = int(row[2] * period), int(row[3] * period)
        yield row[0] < trick.rate, period, kept, phase


@pytest.mark.parametrize("height, width", [(12, 12), (9, 16)])
def test_squares_are_those_of_the_papers_code(height, width):
    cases = [
        (d, kept, st_h, st_w)
        for d, kept in ((4, 3), (5, 2), (7, 7), (9, 6), (20, 12))
        for st_h in (0, 1, d - 1)
        for st_w in (0, d // 2)
    ]
    hh = math.ceil(math.sqrt(height**2 + width**2))
    # Where the image lies in the larger mask is part of the phase.
    phase = [
        (((hh - height) // 2 - st_h) % d, ((hh - width) // 2 - st_w) % d)
        for d, _, st_h, st_w in cases
    ]
    found = grid_mask(
        np.int32([case[0] for case in cases]),
        np.int32([case[1] for case in cases]),
        np.int32(phase),
        *upright(height, width),
    )
    found = ops.convert_to_numpy(found)
    for got, case in zip(found, cases, strict=True):
        np.testing.assert_array_equal(got, papers_grid(*case, height, width))
    assert 0.1 < found.mean() < 0.5


@pytest.mark.parametrize(
    "trick",
    [GridMask(), GridMask(1.0, ratio=0.35, period=(0.2, 0.7))],
    ids=["default", "smaller"],
)
def test_the_keys_choose_images_and_grids(trick, images):
    found = changed(trick, images, keys())
    drawn = from_keys(trick, HEIGHT, WIDTH, keys())
    for got, image, (chosen, period, kept, phase) in zip(
        found, images, drawn, strict=True
    ):
        start = [-shift % period for shift in phase]
        rows = np.arange(HEIGHT)[:, None] - start[0]
        columns = np.arange(WIDTH)[None] - start[1]
        gone = (rows % period >= kept) & (columns % period >= kept)
        expected = np.where((gone & chosen)[..., None], 0, image)
        np.testing.assert_array_equal(got, expected)


def test_periods_and_kept_sides_at_224_pixels_are_the_papers():
    # By the runs of a mask's row: none is cut off but at the borders.
    trick = GridMask(1.0)
    count = 300
    mask = mask_of(trick, count, 224, 224)
    holes = set()
    for image, (_, period, kept, _) in zip(
        mask, from_keys(trick, 224, 224, keys(count)), strict=True
    ):
        assert 96 <= period <= 223
        assert kept == -(-6 * period // 10)  # ceil(.6 d), without rounding
        row = image.any(axis=0).astype(int)
        steps = np.diff(row)
        starts, ends = np.nonzero(steps == 1)[0], np.nonzero(steps == -1)[0]
        if len(starts) and len(ends) and starts[0] < ends[-1]:
            first = ends[ends > starts[0]][0]
            assert first - starts[0] == period - kept
            holes.add(period)
    assert len(holes) > 60


def test_the_rate_is_the_share_of_images():
    count = 4000
    mask = mask_of(GridMask(0.3, period=(0.5, 0.9)), count, 10, 10)
    share = mask.any(axis=(1, 2)).mean()
    assert abs(share - 0.3) < 0.03  # deviation .007


def test_rate_0_is_the_identity(images):
    found = changed(GridMask(0.0), images, keys())
    np.testing.assert_array_equal(found, images)


# Turned grids


def test_no_turn_leaves_every_pixel_where_it_is():
    rows, columns = turned(np.zeros(2, np.float32), 5, 8)
    shape = (2, 5, 8)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(rows),
        np.broadcast_to(np.arange(5)[:, None], shape),
    )
    np.testing.assert_array_equal(
        ops.convert_to_numpy(columns), np.broadcast_to(np.arange(8), shape)
    )


@pytest.mark.parametrize("side", [6, 7])
def test_a_quarter_turn_is_that_of_the_image(side):
    angle = np.array([math.pi / 2], np.float32)
    rows, columns = (
        ops.convert_to_numpy(x)[0] for x in turned(angle, side, side)
    )
    image = np.arange(side**2).reshape(side, side)
    seen = image[np.clip(rows, 0, side - 1), np.clip(columns, 0, side - 1)]
    assert (seen == np.rot90(image)).all() or (
        seen == np.rot90(image, -1)
    ).all()


def test_pixels_turn_about_the_centre():
    angles = np.array([0.1, 0.7, -1.2, 3.0], np.float32)
    rows, columns = (ops.convert_to_numpy(x) for x in turned(angles, 9, 12))
    for angle, own_rows, own_columns in zip(angles, rows, columns, strict=True):
        for i, j in np.ndindex(9, 12):
            y, x = i - 4, j - 5.5
            turned_y = math.cos(angle) * y - math.sin(angle) * x + 4
            turned_x = math.sin(angle) * y + math.cos(angle) * x + 5.5
            # To the nearest pixel.
            assert abs(own_rows[i, j] - turned_y) <= 0.5 + 1e-4
            assert abs(own_columns[i, j] - turned_x) <= 0.5 + 1e-4


def test_angles_come_from_the_keys(images):
    trick = GridMask(1.0, period=(0.3, 0.6), rotate=60.0)
    drawn = ops.convert_to_numpy(draws.uniform(keys(), "grid mask", 5))
    angles = np.float32(drawn[:, 4] * math.radians(60))
    rows, columns = (
        ops.convert_to_numpy(x) for x in turned(angles, HEIGHT, WIDTH)
    )
    found = changed(trick, np.ones_like(images), keys())[..., 0] == 0
    different = 0
    for i, (_, period, kept, phase) in enumerate(
        from_keys(trick, HEIGHT, WIDTH, keys())
    ):
        gone = (rows[i] + phase[0]) % period >= kept
        gone &= (columns[i] + phase[1]) % period >= kept
        # Compiled sines may round a pixel's place to the other side.
        assert (found[i] != gone).mean() < 0.02
        different += (found[i] != gone).sum()
    assert different <= 4 and np.ptp(angles) > 0.5


# All of it


def test_fill(images):
    trick = GridMask(1.0, fill=(1.0, -2.0, 3.0))
    gone = changed(GridMask(1.0), np.ones_like(images), keys()) == 0
    assert gone.any()
    found = changed(trick, images, keys())
    expected = np.where(gone, np.float32([1, -2, 3]), images)
    np.testing.assert_array_equal(found, expected)


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([GridMask(1.0)])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).mean() > 0.8


def test_a_batch_of_one_under_a_half_precision_policy(images):
    want = changed(GridMask(1.0, rotate=30.0), images, keys())[:1]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed(GridMask(1.0, rotate=30.0), images[:1], keys(1))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, want)


def test_config_round_trip():
    trick = GridMask(0.5, 0.4, (0.2, 0.5), 45.0, fill="noise")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"rate": 1.5}, r"rate must be in \[0, 1\]\. Received: rate=1.5"),
        ({"ratio": 0.0}, r"ratio must be in \(0, 1\)\. Received: ratio=0.0"),
        ({"ratio": 1.0}, r"ratio must be in \(0, 1\)\. Received: ratio=1.0"),
        (
            {"period": (0.0, 0.5)},
            r"period must be 0 < smallest <= largest\. "
            r"Received: period=\(0.0, 0.5\)",
        ),
        (
            {"period": (0.5, 0.4)},
            r"period must be 0 < smallest <= largest\. "
            r"Received: period=\(0.5, 0.4\)",
        ),
        (
            {"rotate": -1.0},
            r"rotate must be in \[0, 180\]\. Received: rotate=-1.0",
        ),
        (
            {"rotate": 190.0},
            r"rotate must be in \[0, 180\]\. Received: rotate=190.0",
        ),
        ({"fill": "black"}, r"fill must be .*\. Received: fill=black"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        GridMask(**arguments)


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert GridMask.training_only and not GridMask.mixes
