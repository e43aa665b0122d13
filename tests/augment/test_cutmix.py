import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, CutMix, cutmix_batch, draws
from kerastricks.augment.beta import beta_from_uniform
from kerastricks.augment.cutmix import cutmix_boxes
from kerastricks.backend import fused

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 7, 8, 10  # an odd batch


@pytest.fixture(scope="module")
def batch():
    """(images, one-hot labels) [7, ...]."""
    random = np.random.RandomState(0)
    images = random.normal(size=(BATCH, HEIGHT, WIDTH, 3)).astype(np.float32)
    return images, np.eye(BATCH, dtype=np.float32)


def keys(step, count=BATCH):
    return np.array([[step, place] for place in range(count)], np.int32)


def numpy_of(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def papers_box(weight, y, x, height, width):
    """rand_bbox of the paper's code, as (top, bottom, left, right)."""
    ratio = np.sqrt(1 - weight)
    cut_h, cut_w = int(height * ratio), int(width * ratio)
    edges = y - cut_h // 2, y + cut_h // 2, x - cut_w // 2, x + cut_w // 2
    limits = height, height, width, width
    return [
        min(max(edge, 0), limit)
        for edge, limit in zip(edges, limits, strict=True)
    ]


def pasted(images, labels, boxes, order):
    """Sample by sample, the label's share from the pixels of the box."""
    images, labels = images.astype(np.float64), labels.astype(np.float64)
    new_images, new_labels = images.copy(), labels.copy()
    for i, (top, bottom, left, right) in enumerate(boxes):
        inside = np.zeros(images.shape[1:3], bool)
        inside[top:bottom, left:right] = True
        new_images[i][inside] = images[order[i]][inside]
        share = 1 - inside.mean()
        new_labels[i] = share * labels[i] + (1 - share) * labels[order[i]]
    return new_images, new_labels


def from_keys(trick, images, labels, keys):
    """What the trick makes of them, worked out from the draws."""
    count, height, width = images.shape[:3]
    drawn = ops.convert_to_numpy(draws.uniform(keys, "cutmix box", 3))
    weights = ops.convert_to_numpy(beta_from_uniform(drawn[:, 0], trick.alpha))
    boxes = [
        papers_box(weight, int(y * height), int(x * width), height, width)
        for weight, (y, x) in zip(weights, drawn[:, 1:], strict=True)
    ]
    if trick.per == "batch":
        boxes = boxes[:1] * count
    order = {
        "permutation": ops.convert_to_numpy(
            draws.permutation(keys, "cutmix order")
        ),
        "roll": np.roll(np.arange(count), 1),
        "reverse": np.arange(count)[::-1],
    }[trick.partner]
    return pasted(images, labels, boxes, order)


def test_boxes_are_the_papers():
    random = np.random.RandomState(1)
    weights = np.r_[random.uniform(size=300), 0.0, 1.0].astype(np.float32)
    centres = random.randint(0, (9, 14), (302, 2)).astype(np.int32)
    found = ops.convert_to_numpy(cutmix_boxes(weights, centres, 9, 14))
    expected = [
        papers_box(weight, y, x, 9, 14)
        for weight, (y, x) in zip(weights, centres, strict=True)
    ]
    np.testing.assert_array_equal(found, expected)
    # Some are cut off at each border, and 1 pastes nothing.
    assert (found[:-1] == 0).any(axis=0)[[0, 2]].all()
    assert (found[:-1] == [9, 9, 14, 14]).any(axis=0)[[1, 3]].all()
    assert np.ptp(found[-1][:2]) == np.ptp(found[-1][2:]) == 0


def test_boxes_have_the_law_of_the_papers_code():
    count = 20_000
    drawn = ops.convert_to_numpy(draws.uniform(keys(0, count), "law", 3))
    found = ops.convert_to_numpy(
        cutmix_boxes(drawn[:, 0], np.int32(drawn[:, 1:] * [32, 24]), 32, 24)
    )
    random = np.random.RandomState(2)
    expected = np.array(
        [
            papers_box(weight, random.randint(32), random.randint(24), 32, 24)
            for weight in random.uniform(size=count)
        ]
    )
    # Sides are up to 32, so the deviation of a mean is below .1.
    np.testing.assert_allclose(found.mean(0), expected.mean(0), atol=0.4)
    areas = [
        (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2]) / (32 * 24)
        for boxes in (found, expected)
    ]
    counts = [np.histogram(area, 10, (0, 1))[0] for area in areas]
    np.testing.assert_allclose(*counts, atol=5 * np.sqrt(count / 10 * 2))
    # The borders cost about a third of what the weights say: 1/2.
    assert 0.27 < areas[0].mean() < 0.34


@pytest.mark.parametrize("count", [1, BATCH])
def test_the_box_comes_from_the_partner_and_the_label_counts_it(count, batch):
    random = np.random.RandomState(3)
    order = random.permutation(BATCH).astype(np.int32)
    boxes = [[0, 8, 0, 10], [2, 2, 3, 9], [1, 4, 2, 9], [5, 8, 0, 1]]
    boxes = np.int32(boxes + [[0, 1, 0, 1], [7, 8, 9, 10], [3, 5, 0, 10]])
    boxes = boxes[2:3] if count == 1 else boxes
    found = numpy_of(fused(cutmix_batch)(*batch, boxes, order))
    expected = pasted(*batch, np.repeat(boxes, BATCH // len(boxes), 0), order)
    for got, want in zip(found, expected, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize(
    "per, partner",
    [
        ("batch", "permutation"),
        ("sample", "permutation"),
        ("batch", "roll"),
        ("sample", "reverse"),
    ],
)
def test_boxes_and_partners_come_from_the_keys(per, partner, batch):
    trick = CutMix(0.7, per=per, partner=partner)
    compiled = Augment([trick])
    for step in range(4):
        found = numpy_of(compiled(*batch, keys(step)))
        expected = from_keys(trick, *batch, keys(step))
        for got, want in zip(found, expected, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("per", ["batch", "sample"])
def test_label_shares_are_those_of_the_pixels_that_are_seen(per):
    # Images and labels that both name the sample.
    count = 64
    images = np.tile(np.arange(count)[:, None, None, None], (1, 9, 7, 3))
    labels = np.eye(count, dtype=np.float32)
    compiled = Augment([CutMix(1.0, per=per)])
    boxes = set()
    for step in range(3):
        found = numpy_of(
            compiled(images.astype(np.uint8), labels, keys(step, count))
        )
        seen = found[0][..., 0].reshape(count, -1).astype(int)
        shares = np.stack([np.bincount(row, minlength=count) for row in seen])
        np.testing.assert_allclose(found[1], shares / 63, atol=1e-6)
        np.testing.assert_allclose(found[1].sum(axis=1), 1, atol=1e-6)
        boxes |= {row.tobytes() for row in seen == np.arange(count)[:, None]}
    # One box for a batch (and none for its own partner), or many.
    assert len(boxes) <= 4 if per == "batch" else len(boxes) > 80


def test_multi_labels_are_weighted_sums(batch):
    random = np.random.RandomState(4)
    labels = (random.uniform(size=(BATCH, 5)) < 0.4).astype(np.float32)
    trick = CutMix(1.0, per="sample")
    found = numpy_of(Augment([trick])(batch[0], labels, keys(1)))
    expected = from_keys(trick, batch[0], labels, keys(1))
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)
    assert ((found[1] > 0.01) & (found[1] < 0.99)).any()


@pytest.mark.parametrize("partner", ["permutation", "roll", "reverse"])
def test_a_batch_of_one_is_its_own_partner(partner, batch):
    images, labels = (values[:1] for values in batch)
    trick = CutMix(1.0, partner=partner)
    found = numpy_of(Augment([trick])(images, labels, keys(2, 1)))
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_allclose(found[1], labels, atol=1e-6)


def test_the_same_keys_repeat_and_others_differ(batch):
    compiled = Augment([CutMix(1.0)])
    first, again, other = (
        numpy_of(compiled(*batch, keys(step))) for step in (1, 1, 2)
    )
    for one, same, differs in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, same)
        assert np.abs(one - differs).max() > 0.1


def test_labels_of_large_images_under_half_precision_policies():
    # 288 * 288 is more than float16 holds: Keras's CutMix gives NaN.
    images = np.zeros((2, 288, 288, 3), np.uint8)
    images[1] = 1
    labels = np.eye(2, dtype=np.float32)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        trick = CutMix(1.0, partner="roll", per="sample")
        found = numpy_of(Augment([trick])(images, labels, keys(5, 2)))
    finally:
        keras.config.set_dtype_policy(before)
    assert [got.dtype for got in found] == [np.float32, np.float32]
    ones = found[0].mean(axis=(1, 2, 3), dtype=np.float64)
    assert (0 < ones).all() and (ones < 1).all()
    np.testing.assert_allclose(found[1][:, 1], ones, atol=1e-6)
    np.testing.assert_allclose(found[1][:, 0], 1 - ones, atol=1e-6)


def test_config_round_trip():
    trick = CutMix(0.4, per="sample", partner="roll")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("alpha", [0.0, -0.2, float("nan")])
def test_bad_alpha(alpha):
    rule = rf"alpha must be above 0\. Received: alpha={alpha}"
    with pytest.raises(ValueError, match=rule):
        CutMix(alpha)


@pytest.mark.parametrize(
    "name, choices",
    [("per", "batch, sample"), ("partner", "permutation, roll, reverse")],
)
def test_bad_choice(name, choices):
    rule = f"{name} must be one of {choices}. Received: {name}=pair"
    with pytest.raises(ValueError, match=rule):
        CutMix(**{name: "pair"})


def test_it_acts_in_training_alone_and_mixes():
    assert CutMix.training_only and CutMix.mixes
