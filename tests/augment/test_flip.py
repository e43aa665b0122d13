import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import RandomFlip, draws, flip_batch

pytestmark = pytest.mark.traced


@pytest.fixture(scope="module")
def images():
    return np.random.RandomState(0).randint(0, 256, (64, 3, 5, 3), np.uint8)


@pytest.fixture(scope="module")
def keys():
    return np.array([[7, place] for place in range(64)], np.int32)


def flipped(trick, images, keys):
    found, _ = trick(ops.convert_to_tensor(images), None, keys)
    return ops.convert_to_numpy(found)


def test_only_the_named_images_are_mirrored_left_to_right(images):
    found = ops.convert_to_numpy(
        flip_batch(images[:3], ops.convert_to_tensor([True, False, True]))
    )
    np.testing.assert_array_equal(found[0], images[0, :, ::-1])
    np.testing.assert_array_equal(found[1], images[1])
    np.testing.assert_array_equal(found[2], images[2, :, ::-1])
    assert found.dtype == np.uint8


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.8])
def test_the_keys_choose_the_images(rate, images, keys):
    chosen = ops.convert_to_numpy(draws.uniform(keys, "flip"))[:, 0] < rate
    expected = np.where(chosen[:, None, None, None], images[:, :, ::-1], images)
    found = flipped(RandomFlip(rate), images, keys)
    np.testing.assert_array_equal(found, expected)
    assert abs(chosen.mean() - rate) < 0.2  # deviation .06


def test_rate_0_keeps_and_rate_1_mirrors_all(images, keys):
    np.testing.assert_array_equal(
        flipped(RandomFlip(0.0), images, keys), images
    )
    np.testing.assert_array_equal(
        flipped(RandomFlip(1.0), images, keys), images[:, :, ::-1]
    )


def test_vertical_mirrors_top_to_bottom(images, keys):
    found = ops.convert_to_numpy(
        flip_batch(images[:2], ops.convert_to_tensor([True, False]), "vertical")
    )
    np.testing.assert_array_equal(found[0], images[0, ::-1])
    np.testing.assert_array_equal(found[1], images[1])
    chosen = ops.convert_to_numpy(draws.uniform(keys, "vertical flip"))
    chosen = chosen[:, 0] < 0.3
    expected = np.where(chosen[:, None, None, None], images[:, ::-1], images)
    found = flipped(RandomFlip(0.3, axis="vertical"), images, keys)
    np.testing.assert_array_equal(found, expected)


def test_both_axes_are_drawn_apart():
    keys = np.stack([np.full(4000, 1), np.arange(4000)], axis=1)
    keys = keys.astype(np.int32)
    chosen = [
        ops.convert_to_numpy(RandomFlip(axis=axis).mirrored(keys))
        for axis in ("horizontal", "vertical")
    ]
    # Of 4,000 pairs: the deviation of a correlation is .016.
    assert abs(np.corrcoef(*chosen)[0, 1]) < 0.06


@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_alternating_flips_go_by_the_lowest_bit_of_the_key(axis, images):
    random = np.random.RandomState(1)
    keys = random.randint(-(2**31), 2**31, (64, 2)).astype(np.int32)
    trick = RandomFlip(axis=axis, alternate=True)
    now = flipped(trick, images, keys)
    turned = images[:, ::-1] if axis == "vertical" else images[:, :, ::-1]
    odd = (keys[:, 1] % 2 == 1)[:, None, None, None]
    assert 0.2 < odd.mean() < 0.8
    np.testing.assert_array_equal(now, np.where(odd, turned, images))
    # With that bit turned over, as an epoch later: the other side of each.
    later = flipped(trick, images, keys ^ np.int32([[0, 1]]))
    np.testing.assert_array_equal(later, np.where(odd, images, turned))


def test_labels_pass_through(images, keys):
    labels = np.eye(64, dtype=np.float32)
    assert RandomFlip()(images, labels, keys)[1] is labels


@pytest.mark.parametrize(
    "trick", [RandomFlip(0.3, "vertical"), RandomFlip(alternate=True)]
)
def test_config_round_trip(trick):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_bad_rate(rate):
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\].*rate="):
        RandomFlip(rate)


def test_bad_axis():
    rule = "axis must be one of vertical, horizontal. Received: axis=depth"
    with pytest.raises(ValueError, match=rule):
        RandomFlip(axis="depth")


def test_alternating_flips_have_no_other_rate():
    rule = r"rate must be 0\.5 where flips alternate\. Received: rate=0\.3"
    with pytest.raises(ValueError, match=rule):
        RandomFlip(0.3, alternate=True)


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert RandomFlip.training_only and not RandomFlip.mixes
