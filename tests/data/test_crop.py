"""The random resized crop against torchvision's law, written out once more."""

import json
import math
import pathlib
import random
import statistics

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.crop import centre_box, crop_box, random_resized_crop_box

GOLDEN = json.loads(
    (pathlib.Path(__file__).parent / "golden_crops.json").read_text()
)
AREA = (0.08, 1.0)
ASPECT = (3 / 4, 4 / 3)
SIZES = [(375, 500), (500, 333), (224, 224), (1000, 100), (60, 900)]


def str_of_shape(case):
    return "{}x{}".format(*case["shape"])


def box_of(height, width, draws, area=AREA, aspect=ASPECT):
    """The box for draws given as one [area, aspect, top, left] a try."""
    draws = tf.constant(np.transpose(draws), tf.float32)
    return crop_box(height, width, draws, area, aspect).numpy().tolist()


def torchvision_box(height, width, area=AREA, aspect=ASPECT):
    """RandomResizedCrop.get_params of torchvision 0.20, in plain Python."""
    for _ in range(10):
        target = height * width * random.uniform(*area)
        ratio = math.exp(random.uniform(*map(math.log, aspect)))
        w = round(math.sqrt(target * ratio))
        h = round(math.sqrt(target / ratio))
        if 0 < w <= width and 0 < h <= height:
            top = random.randint(0, height - h)
            left = random.randint(0, width - w)
            return top, left, h, w
    if width / height < min(aspect):
        w, h = width, round(width / min(aspect))
    elif width / height > max(aspect):
        w, h = round(height * max(aspect)), height
    else:
        w, h = width, height
    return (height - h) // 2, (width - w) // 2, h, w


@tf.function
def many_boxes(height, width, seed, count, area=AREA, aspect=ASPECT):
    """[count, 4] boxes for keys as the pipeline makes them."""
    keys = tf.stack([tf.fill([count], seed), tf.range(count)], axis=1)
    return tf.map_fn(
        lambda key: random_resized_crop_box(height, width, key, area, aspect),
        keys,
    )


def boxes_of(height, width, seed=0, count=4000, area=AREA, aspect=ASPECT):
    height, width, seed = map(tf.constant, (height, width, seed))
    return many_boxes(height, width, seed, count, area, aspect).numpy()


# One box


@pytest.mark.parametrize(
    "draw, expected",
    [
        # 100 x 200 px, area .08 + .92 u, aspect .75 (16/9)^v.
        # u = 0, v = .5: 1600 px of aspect 1: 40 x 40; the rest 60 and 160.
        ((0.0, 0.5, 0.0, 0.0), [0, 0, 40, 40]),
        ((0.0, 0.5, 0.5, 0.25), [30, 40, 40, 40]),
        ((0.0, 0.5, 0.9999, 0.9999), [60, 160, 40, 40]),
        # v = 0: w = sqrt(1200) = 34.6, h = sqrt(1600 / .75) = 46.2.
        ((0.0, 0.0, 0.0, 0.0), [0, 0, 46, 35]),
        ((0.0, 0.0, 0.999, 0.999), [54, 165, 46, 35]),
        # u = .25: .31 * 20000 = 6200 px, v = .75: aspect 1.1547;
        # w = 84.6, h = 73.3; floor(.5 * 28) and floor(.1 * 116).
        ((0.25, 0.75, 0.5, 0.1), [14, 11, 73, 85]),
    ],
)
def test_box_found_by_hand(draw, expected):
    assert box_of(100, 200, [draw]) == expected


def test_first_try_that_fits_is_taken():
    too_high = (1.0, 0.0, 0.0, 0.0)  # sqrt(20000 / .75) = 163 of 100 rows
    small, other = (0.0, 0.5, 0.0, 0.0), (0.0, 0.5, 0.9, 0.9)
    assert box_of(100, 200, [too_high, small, other]) == [0, 0, 40, 40]
    assert box_of(100, 200, [other, too_high, small])[:2] != [0, 0]


@pytest.mark.parametrize(
    "height, width, expected",
    [
        (100, 200, [0, 33, 100, 133]),  # 100 * 4/3, and 67 // 2 to the left
        (200, 100, [33, 0, 133, 100]),  # 100 / (3/4)
        (101, 300, [0, 82, 101, 135]),
        (30, 500, [0, 230, 30, 40]),
        (90, 120, [0, 0, 90, 120]),  # just in range: all of it
        (100, 100, [0, 0, 100, 100]),
        (1, 1, [0, 0, 1, 1]),
    ],
)
def test_largest_centre_crop(height, width, expected):
    whole = tf.constant(float(height)), tf.constant(float(width))
    assert centre_box(*whole, ASPECT).numpy().tolist() == expected


@pytest.mark.parametrize(
    "height, width, aspect_draw, expected",
    [(100, 200, 0.0, [0, 33, 100, 133]), (200, 100, 1.0, [33, 0, 133, 100])],
)
def test_centre_crop_if_no_try_fits(height, width, aspect_draw, expected):
    """All of the area, in a higher (or wider) shape than the image's."""
    never, small = (1.0, aspect_draw, 0.7, 0.7), (0.0, 0.5, 0.0, 0.0)
    assert box_of(height, width, [never] * 10) == expected
    assert box_of(height, width, [never] * 9 + [small]) == [0, 0, 40, 40]


def test_whole_image_when_that_is_all_that_is_asked_for():
    every = dict(area=(1.0, 1.0), aspect=(1.0, 1.0))
    draws = np.random.RandomState(0).uniform(size=(10, 4))
    assert box_of(64, 64, draws, **every) == [0, 0, 64, 64]


def test_box_is_a_function_of_its_key():
    first = boxes_of(375, 500, seed=3, count=50)
    np.testing.assert_array_equal(first, boxes_of(375, 500, seed=3, count=50))
    assert len({tuple(box) for box in first}) == 50
    other = boxes_of(375, 500, seed=4, count=50)
    assert (first != other).any(axis=1).all()
    eager = random_resized_crop_box(375, 500, tf.constant([3, 7]))
    np.testing.assert_array_equal(eager, first[7])


def test_box_of_a_key_is_that_of_its_draws():
    key = tf.constant([5, 11])
    draws = tf.random.stateless_uniform([4, 10], key)
    expected = crop_box(375, 500, draws, AREA, ASPECT)
    got = random_resized_crop_box(375, 500, key)
    np.testing.assert_array_equal(got, expected)


# Many boxes


@pytest.mark.parametrize("height, width", [*SIZES, (1, 1), (2, 3)])
def test_every_box_lies_inside(height, width):
    top, left, h, w = boxes_of(height, width).T
    assert top.min() >= 0 and left.min() >= 0
    assert h.min() >= 1 and w.min() >= 1
    assert (top + h).max() <= height and (left + w).max() <= width
    assert h.dtype == np.int32


def test_corners_reach_every_side():
    top, left, h, w = boxes_of(40, 60, area=(0.1, 0.3)).T
    assert top.min() == 0 and (top + h).max() == 40
    assert left.min() == 0 and (left + w).max() == 60


def statistics_of(boxes, height, width):
    """Per box: share of the area, aspect, and where it lies."""
    top, left, h, w = np.asarray(boxes, float).T
    free_y = np.where(height > h, (top + 0.5) / (height - h + 1), 0.5)
    free_x = np.where(width > w, (left + 0.5) / (width - w + 1), 0.5)
    return {
        "area": h * w / (height * width),
        "area squared": (h * w / (height * width)) ** 2,
        "aspect": np.log(w / h),
        "aspect squared": np.log(w / h) ** 2,
        "top": free_y,
        "left": free_x,
        "small": h * w < 0.25 * height * width,
    }


@pytest.mark.parametrize("height, width", SIZES)
def test_law_is_torchvisions(height, width):
    """Means within 4.5 standard errors of the difference."""
    random.seed(0)
    reference = [torchvision_box(height, width) for _ in range(6000)]
    ours = statistics_of(boxes_of(height, width, count=6000), height, width)
    theirs = statistics_of(reference, height, width)
    for name in ours:
        error = math.hypot(ours[name].std(), theirs[name].std()) / 6000**0.5
        difference = abs(ours[name].mean() - theirs[name].mean())
        assert difference <= 4.5 * error + 1e-12, name


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=str_of_shape)
def test_law_is_that_of_torchvisions_own_sample(case):
    """Kolmogorov-Smirnov: 1.95 standard deviations, exceeded once in 1,000."""
    count = 6000
    height, width = case["shape"]
    top, left, h, w = boxes_of(height, width, seed=1, count=count).T
    numbers = (
        h * w / (height * width),
        w / h,
        (top + h / 2) / height,
        (left + w / 2) / width,
    )
    bound = 1.95 * math.sqrt(1 / count + 1 / GOLDEN["draws"])
    for ours, grid, theirs in zip(
        numbers, GOLDEN["points"], case["cdf"], strict=True
    ):
        shares = [(ours <= point).mean() for point in grid]
        assert np.abs(np.array(shares) - theirs).max() < bound


def test_law_of_tensorflow_would_not_pass():
    """The test above has the power to tell: its mean share is .09 lower."""
    case = GOLDEN["cases"][0]
    height, width = case["shape"]
    shares = []
    for seed in range(1000):
        _, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            [height, width, 3],
            tf.zeros([1, 1, 4]),
            seed=[0, seed],
            min_object_covered=0.0,
            aspect_ratio_range=ASPECT,
            area_range=AREA,
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        shares.append(int(size[0]) * int(size[1]) / (height * width))
    ours = [(np.array(shares) <= x).mean() for x in GOLDEN["points"][0]]
    bound = 1.95 * math.sqrt(1 / 1000 + 1 / GOLDEN["draws"])
    assert np.abs(np.array(ours) - case["cdf"][0]).max() > bound


def test_mean_share_is_that_of_the_uniform_area():
    """(.08 + 1) / 2 = .54, less what the tries that do not fit take away."""
    boxes = boxes_of(224, 224, area=(0.08, 0.7))
    share = (boxes[:, 2] * boxes[:, 3]) / 224**2
    # Up to .75 every aspect in range fits, so none is refused.
    error = 0.62 / math.sqrt(12 * 4000)
    assert abs(share.mean() - 0.39) < 4.5 * error
    assert share.min() > 0.075 and share.max() < 0.705
    quartiles = statistics.quantiles(share.tolist(), n=4)
    np.testing.assert_allclose(quartiles, [0.235, 0.39, 0.545], atol=0.025)
