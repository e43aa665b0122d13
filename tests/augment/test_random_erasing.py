import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, RandomErasing, draws
from kerastricks.augment.random_erasing import erasing_boxes
from kerastricks.backend import fused

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 32, 12, 9
# tries, areas, aspects, as torchvision's and the paper's code have them.
LAWS = {
    "torchvision": (10, (0.02, 0.33), (0.3, 3.3)),
    "paper": (100, (0.02, 0.4), (0.3, 1 / 0.3)),
}


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


def rectangle(areas, aspects, places, height, width):
    """The first try that fits, as in the reference codes."""
    for area, aspect in zip(areas, aspects, strict=True):
        h = round(math.sqrt(area * height * width * aspect))
        w = round(math.sqrt(area * height * width / aspect))
        if h < height and w < width:
            top = int(places[0] * (height - h + 1))
            left = int(places[1] * (width - w + 1))
            return top, top + h, left, left + w
    return None


def erased(images, boxes, fill=0.0):
    found = images.copy()
    for image, box in zip(found, boxes, strict=True):
        if box is not None:
            top, bottom, left, right = box
            image[top:bottom, left:right] = fill
    return found


def boxes_from_keys(trick, keys, height, width):
    """The box of each image or None, worked out from the draws."""
    tries, areas, aspects = LAWS[trick.law]
    areas, aspects = trick.area or areas, trick.aspect or aspects
    drawn = draws.uniform(keys, "erasing", 3 + 2 * tries)
    drawn = ops.convert_to_numpy(drawn).astype(np.float64)
    found = []
    for row in drawn:
        area = areas[0] + row[3 : 3 + tries] * (areas[1] - areas[0])
        share = row[3 + tries :]
        if trick.law == "torchvision":
            low, high = np.log(aspects)
            aspect = np.exp(low + share * (high - low))
        else:
            aspect = aspects[0] + share * (aspects[1] - aspects[0])
        box = rectangle(area, aspect, row[1:3], height, width)
        found.append(box if row[0] < trick.rate else None)
    return found


def boxes_of(trick, count, height, width):
    """[count, 4]"""
    boxes = fused(lambda keys: trick.boxes(keys, height, width))(keys(count))
    return ops.convert_to_numpy(boxes)


def sides(law, count, height, width, **ranges):
    """(heights, widths) of that many boxes, [count] each."""
    trick = RandomErasing(1.0, law=law, **ranges)
    boxes = boxes_of(trick, count, height, width)
    return boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]


def distance(one, other):
    """Kolmogorov and Smirnov's: between two empirical distributions."""
    levels = np.sort(np.concatenate([one, other]))
    shares = [
        np.searchsorted(np.sort(values), levels, "right") / len(values)
        for values in (one, other)
    ]
    return np.abs(shares[0] - shares[1]).max()


def test_the_first_try_that_fits_is_taken():
    areas = [[0.25, 0.5], [0.9, 0.25], [0.9, 0.8], [0.25, 0.25]]
    aspects = [[1.0, 1.0], [4.0, 1.0], [9.0, 9.0], [4.0, 1.0]]
    places = [[0.0, 0.999], [0.5, 0.5], [0.3, 0.3], [0.999, 0.0]]
    arguments = (np.array(x, np.float32) for x in (areas, aspects, places))
    found = erasing_boxes(*arguments, 8, 16)
    # 128 pixels: a quarter is 32, 5.66 x 5.66 or, at an aspect of 4, 11 x 3;
    # the last but one fits never, the last at its second try.
    expected = [[0, 6, 10, 16], [1, 7, 5, 11], None, [2, 8, 0, 6]]
    found = ops.convert_to_numpy(found)
    for got, want in zip(found, expected, strict=True):
        if want is None:
            assert got[0] == got[1] and got[2] == got[3]
        else:
            np.testing.assert_array_equal(got, want)


def test_a_box_as_high_or_as_wide_as_the_image_does_not_fit():
    areas = np.array([[0.5], [0.5], [0.49]], np.float32)
    aspects = np.array([[2.0], [0.5], [0.5]], np.float32)
    places = np.zeros((3, 2), np.float32)
    found = erasing_boxes(areas, aspects, places, 10, 10)
    # Half of 10 x 10 at an aspect of 2 is 10 x 5; .49 gives 4.95 x 9.90.
    np.testing.assert_array_equal(ops.convert_to_numpy(found), 0)
    smaller = erasing_boxes(areas - 0.05, aspects, places, 10, 10)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(smaller),
        [[0, 9, 0, 5], [0, 5, 0, 9], [0, 5, 0, 9]],
    )


@pytest.mark.parametrize(
    "trick",
    [
        RandomErasing(0.5),
        RandomErasing(0.8, law="paper"),
        RandomErasing(1.0, area=(0.2, 0.9), aspect=(0.5, 4.0), law="paper"),
    ],
    ids=["torchvision", "paper", "own ranges"],
)
def test_the_keys_choose_images_and_boxes(trick, images):
    boxes = boxes_from_keys(trick, keys(), HEIGHT, WIDTH)
    found = changed(trick, images, keys())
    np.testing.assert_array_equal(found, erased(images, boxes))
    whole = np.mean([box is None for box in boxes])
    assert abs(whole - (1 - trick.rate)) < 0.25  # deviation .09


@pytest.mark.parametrize("law", LAWS)
def test_areas_and_aspects_have_the_law(law):
    # Large images, so that rounding does not show; all boxes fit.
    count, side = 20_000, 4000
    heights, widths = sides(
        law, count, side, side, area=(0.02, 0.3), aspect=(0.4, 2.5)
    )
    areas = heights * widths / side**2
    aspects = heights / widths
    if law == "torchvision":
        shares = np.log(aspects / 0.4) / np.log(2.5 / 0.4)
    else:
        shares = (aspects - 0.4) / (2.5 - 0.4)
    even = (np.arange(count) + 0.5) / count
    # Both are uniform and do not depend on each other.
    assert distance((areas - 0.02) / 0.28, even) < 0.015
    assert distance(shares, even) < 0.015
    assert abs(np.corrcoef(areas, shares)[0, 1]) < 0.03


@pytest.mark.parametrize("law", LAWS)
def test_boxes_have_the_law_of_the_reference_code(law):
    count, height, width = 8000, 60, 40  # where some tries do not fit
    heights, widths = sides(law, count, height, width)
    tries, (low, high), aspects = LAWS[law]
    random = np.random.RandomState(1)
    expected = []
    for _ in range(count):
        area = random.uniform(low, high, tries)
        if law == "torchvision":
            aspect = np.exp(random.uniform(*np.log(aspects), tries))
        else:
            aspect = random.uniform(*aspects, tries)
        box = rectangle(area, aspect, (0, 0), height, width)
        expected.append(box[1::2])
    found = np.stack([heights, widths], axis=1)
    for got, want in zip(found.T, np.array(expected).T, strict=True):
        assert distance(got, want) < 0.03  # 1.95 sqrt(2 / 8000)
    areas = found.prod(axis=1) / (height * width)
    wanted = np.array(expected).prod(axis=1) / (height * width)
    assert distance(areas, wanted) < 0.03


def test_boxes_lie_anywhere_inside():
    boxes = boxes_of(RandomErasing(1.0), 20_000, 20, 20)
    top, bottom, left, right = boxes.T
    assert top.min() == left.min() == 0
    assert bottom.max() == right.max() == 20
    for start, end in ((top, bottom), (left, right)):
        # Of boxes of 5, each of the 16 places is as frequent.
        counts = np.bincount(start[end - start == 5], minlength=16)
        expected = counts.sum() / 16
        assert len(counts) == 16 and expected > 50
        # 15 degrees of freedom: below this in all but 1 of 10^3 draws.
        assert np.sum((counts - expected) ** 2) / expected < 38


def test_the_rate_is_the_share_of_images():
    for rate in (0.25, 0.9):
        boxes = boxes_of(RandomErasing(rate), 10_000, 32, 32)
        share = np.mean(boxes[:, 1] > boxes[:, 0])
        assert abs(share - rate) < 0.02  # deviation .005


def test_rate_0_is_the_identity(images):
    found = changed(RandomErasing(0.0, fill="noise"), images, keys())
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize("fill", [(1.0, -2.0, 3.0), "noise"])
def test_fills(fill, images):
    trick = RandomErasing(1.0, fill=fill)
    if fill == "noise":
        values = draws.normal(keys(), "erase noise", HEIGHT * WIDTH * 3)
        values = ops.convert_to_numpy(values).reshape(images.shape)
    else:
        values = np.float32(fill)
    everywhere = np.broadcast_to(values, images.shape)
    boxes = boxes_from_keys(trick, keys(), HEIGHT, WIDTH)
    mask = erased(np.zeros_like(images), boxes, 1.0) == 1
    assert 0.1 < mask.mean() < 0.4
    np.testing.assert_allclose(
        changed(trick, images, keys()),
        np.where(mask, everywhere, images),
        atol=1e-5,
    )


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([RandomErasing(1.0)])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).mean() > 0.9


def test_a_batch_of_one_under_a_half_precision_policy(images):
    trick = RandomErasing(1.0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed(trick, images[:1], keys(1))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    box = boxes_from_keys(trick, keys(1), HEIGHT, WIDTH)
    assert box != [None]
    np.testing.assert_array_equal(found, erased(images[:1], box))


@pytest.mark.parametrize("fill", ["noise", 0.5, (1.0, 2.0, 3.0)])
def test_config_round_trip(fill):
    trick = RandomErasing(
        0.3, area=(0.1, 0.2), aspect=(0.5, 2.0), law="paper", fill=fill
    )
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_bad_rate(rate):
    rule = rf"rate must be in \[0, 1\]\. Received: rate={rate}"
    with pytest.raises(ValueError, match=rule):
        RandomErasing(rate)


def test_bad_law():
    rule = "law must be one of torchvision, paper. Received: law=timm"
    with pytest.raises(ValueError, match=rule):
        RandomErasing(law="timm")


@pytest.mark.parametrize("name", ["area", "aspect"])
@pytest.mark.parametrize("limits", [(0.0, 0.5), (0.5, 0.2), (0.1,)])
def test_bad_ranges(name, limits):
    rule = rf"{name} must be 0 < smallest <= largest, or empty\. "
    with pytest.raises(ValueError, match=rule + rf"Received: {name}=\(.*\)"):
        RandomErasing(**{name: limits})


def test_bad_fill():
    rule = "fill must be mean, color, noise, a number or three. Received: fill="
    with pytest.raises(ValueError, match=rule + "black"):
        RandomErasing(fill="black")


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert RandomErasing.training_only and not RandomErasing.mixes
