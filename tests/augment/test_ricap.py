import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, Ricap, draws, ricap_batch
from kerastricks.augment.beta import beta_from_uniform
from kerastricks.backend import fused

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 5, 6, 8  # an odd batch


@pytest.fixture(scope="module")
def batch():
    """(images, one-hot labels) [5, ...]."""
    random = np.random.RandomState(0)
    images = random.normal(size=(BATCH, HEIGHT, WIDTH, 3)).astype(np.float32)
    return images, np.eye(BATCH, dtype=np.float32)


def keys(step, count=BATCH):
    return np.array([[step, place] for place in range(count)], np.int32)


def numpy_of(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


four_parts = fused(ricap_batch)


def papers_ricap(images, labels, boundary, orders, corners):
    """As in the paper's code: crops, put side by side."""
    h, w = boundary
    heights = h, h, images.shape[1] - h, images.shape[1] - h
    widths = w, images.shape[2] - w, w, images.shape[2] - w
    crops, mixed = [], np.zeros(labels.shape)
    for k in range(4):
        top, left = corners[k]
        assert top + heights[k] <= images.shape[1]
        assert left + widths[k] <= images.shape[2]
        rows = slice(top, top + heights[k])
        columns = slice(left, left + widths[k])
        crops.append(images[orders[k]][:, rows, columns])
        share = heights[k] * widths[k] / (images.shape[1] * images.shape[2])
        mixed += share * labels[orders[k]]
    above = np.concatenate(crops[:2], axis=2)
    below = np.concatenate(crops[2:], axis=2)
    return np.concatenate([above, below], axis=1), mixed


def draws_of(trick, height, width, keys):
    """(boundary, orders, corners), worked out from the uniform draws."""
    drawn = ops.convert_to_numpy(draws.uniform(keys[:1], "ricap", 10))[0]
    u, v = ops.convert_to_numpy(beta_from_uniform(drawn[:2], trick.beta))
    h, w = int(np.round(height * u)), int(np.round(width * v))
    heights, widths = (h, h, height - h, height - h), (w, width - w) * 2
    corners = [
        (
            int(drawn[2 + 2 * k] * (height - heights[k] + 1)),
            int(drawn[3 + 2 * k] * (width - widths[k] + 1)),
        )
        for k in range(4)
    ]
    orders = numpy_of(
        [draws.permutation(keys, f"ricap order {k}") for k in "1234"]
    )
    return (h, w), orders, corners


def assert_equal(found, expected):
    for got, want in zip(found, expected, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize(
    "boundary",
    [(2, 3), (5, 1), (0, 3), (6, 3), (2, 0), (2, 8), (0, 0), (6, 8), (0, 8)],
)
def test_four_crops_meet_at_the_boundary(boundary, batch):
    random = np.random.RandomState(sum(boundary))
    orders = np.int32([random.permutation(BATCH) for _ in range(4)])
    h, w = boundary
    corners = np.int32(
        [
            (random.randint(spare_height + 1), random.randint(spare_width + 1))
            for spare_height in (HEIGHT - h, h)
            for spare_width in (WIDTH - w, w)
        ]
    )
    arguments = np.int32(boundary), orders, corners
    every = *batch, *arguments
    found = numpy_of(four_parts(*map(ops.convert_to_tensor, every)))
    assert_equal(found, papers_ricap(*batch, *arguments))


@pytest.mark.parametrize("beta", [0.3, 2.0])
def test_boundary_orders_and_corners_come_from_the_keys(beta, batch):
    trick = Ricap(beta)
    compiled = Augment([trick])
    seen = set()
    for step in range(12):
        drawn = draws_of(trick, HEIGHT, WIDTH, keys(step))
        found = numpy_of(compiled(*batch, keys(step)))
        assert_equal(found, papers_ricap(*batch, *drawn))
        seen.add(drawn[0])
    assert len(seen) > 4


def test_the_label_shares_are_those_of_the_pixels_that_are_seen():
    count = 9
    images = np.tile(np.arange(count)[:, None, None, None], (1, 5, 7, 3))
    compiled = Augment([Ricap(1.0)])
    labels = np.eye(count, dtype=np.float32)
    for step in range(10):
        found = numpy_of(
            compiled(images.astype(np.uint8), labels, keys(step, count))
        )
        seen = found[0][..., 0].reshape(count, -1).astype(int)
        shares = np.stack([np.bincount(row, minlength=count) for row in seen])
        np.testing.assert_allclose(found[1], shares / 35, atol=1e-6)
        np.testing.assert_allclose(found[1].sum(axis=1), 1, atol=1e-6)


def test_the_boundary_has_the_papers_law():
    # A sample beside another: the label's shares tell the boundary.
    steps, side = 400, 64
    compiled = Augment([Ricap(0.3)])
    labels = np.eye(4, dtype=np.float32)
    images = np.zeros((4, side, side, 1), np.float32)
    largest = [
        numpy_of(compiled(images, labels, keys(step, 4)))[1][0].max()
        for step in range(steps)
    ]
    random = np.random.RandomState(1)
    u, v = np.round(side * random.beta(0.3, 0.3, (2, 100_000))) / side
    shares = np.stack([u * v, u * (1 - v), (1 - u) * v, (1 - u) * (1 - v)])
    # Of four independent orders; equal partners add up.
    partners = random.randint(0, 4, shares.shape)
    expected = np.max(
        [np.sum(shares * (partners == k), axis=0) for k in range(4)], axis=0
    )
    # The deviation of both is about .2, that of a mean of 400 is .01.
    assert abs(np.mean(largest) - expected.mean()) < 0.04
    for level in (0.5, 0.75, 0.99):
        share = np.mean(np.array(largest) > level)
        assert abs(share - np.mean(expected > level)) < 0.1


def test_multi_labels_are_weighted_sums(batch):
    random = np.random.RandomState(2)
    labels = (random.uniform(size=(BATCH, 6)) < 0.4).astype(np.float32)
    trick = Ricap(2.0)
    drawn = draws_of(trick, HEIGHT, WIDTH, keys(1))
    found = numpy_of(Augment([trick])(batch[0], labels, keys(1)))
    assert_equal(found, papers_ricap(batch[0], labels, *drawn))
    assert ((found[1] > 0.01) & (found[1] < 0.99)).any()


def test_a_batch_of_one_is_made_of_its_own_crops(batch):
    images, labels = (values[:1] for values in batch)
    drawn = draws_of(Ricap(2.0), HEIGHT, WIDTH, keys(4, 1))
    found = numpy_of(Augment([Ricap(2.0)])(images, labels, keys(4, 1)))
    assert_equal(found, papers_ricap(images, labels, *drawn))
    np.testing.assert_allclose(found[1], labels, atol=1e-6)
    assert np.abs(found[0] - images).max() > 0.1


def test_the_same_keys_repeat_and_others_differ(batch):
    compiled = Augment([Ricap(2.0)])
    first, again, other = (
        numpy_of(compiled(*batch, keys(step))) for step in (1, 1, 2)
    )
    for one, same, differs in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, same)
        assert np.abs(one - differs).max() > 0.1


def test_float32_under_half_precision_policies(batch):
    drawn = draws_of(Ricap(2.0), HEIGHT, WIDTH, keys(3))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = numpy_of(Augment([Ricap(2.0)])(*batch, keys(3)))
    finally:
        keras.config.set_dtype_policy(before)
    assert_equal(found, papers_ricap(*batch, *drawn))


def test_config_round_trip():
    config = json.loads(
        json.dumps(keras.saving.serialize_keras_object(Ricap(0.4)))
    )
    assert keras.saving.deserialize_keras_object(config) == Ricap(0.4)


@pytest.mark.parametrize("beta", [0.0, -0.3, float("nan")])
def test_bad_beta(beta):
    rule = rf"beta must be above 0\. Received: beta={beta}"
    with pytest.raises(ValueError, match=rule):
        Ricap(beta)


def test_it_acts_in_training_alone_and_mixes():
    assert Ricap.training_only and Ricap.mixes
