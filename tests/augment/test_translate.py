import functools
import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import (
    Augment,
    RandomTranslate,
    draws,
    translate_batch,
)
from kerastricks.backend import fused

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 25, 5, 7
FILLS = {"reflect": "reflect", "zeros": "constant"}  # np.pad's names


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    # No 0, which is what comes in at the border.
    return random.randint(1, 256, (BATCH, HEIGHT, WIDTH, 3)).astype(np.uint8)


def keys(count=BATCH, step=3):
    return np.array([[step, place] for place in range(count)], np.int32)


def changed(trick, images, keys):
    found, _ = Augment([trick])(images, None, keys)
    return ops.convert_to_numpy(found)


def padded_and_cropped(images, offsets, fill):
    """The usual way: a border all around, and a crop of it."""
    reach = 4
    found = []
    for image, (down, right) in zip(images, offsets, strict=True):
        padded = np.pad(
            image, ((reach, reach), (reach, reach), (0, 0)), FILLS[fill]
        )
        rows = slice(reach + down, reach + down + HEIGHT)
        columns = slice(reach + right, reach + right + WIDTH)
        found.append(padded[rows, columns])
    return np.stack(found)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("fill", FILLS)
def test_it_is_a_crop_of_the_padded_image(fill, dtype, images):
    steps = np.array([-4, -1, 0, 2, 4])
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    images = images.astype(dtype)
    move = fused(functools.partial(translate_batch, fill=fill))
    found = ops.convert_to_numpy(move(images, offsets.astype(np.int32)))
    assert found.dtype == dtype
    expected = padded_and_cropped(images, offsets, fill)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("fill", FILLS)
def test_the_keys_choose_the_offsets(fill, images):
    drawn = ops.convert_to_numpy(draws.uniform(keys(), "translate", 2))
    offsets = np.floor(drawn * 7).astype(int) - 3
    expected = padded_and_cropped(images, offsets, fill)
    found = changed(RandomTranslate(3, fill), images, keys())
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


def test_every_offset_is_as_frequent():
    # The place of the one pixel that is set tells the offset.
    count = 4000
    images = np.zeros((count, 5, 5, 1), np.uint8)
    images[:, 2, 2] = 1
    found = changed(RandomTranslate(2, "zeros"), images, keys(count))
    assert (found.sum(axis=(1, 2, 3)) == 1).all()
    counts = found.sum(axis=0, dtype=int)[..., 0]
    # 24 degrees of freedom: below this in all but 1 of 10^3 draws.
    assert np.sum((counts - 160) ** 2 / 160) < 52


def test_0_pixels_are_the_identity(images):
    found = changed(RandomTranslate(0), images, keys())
    np.testing.assert_array_equal(found, images)


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([RandomTranslate(3)])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).mean() > 0.8


def test_a_batch_of_one_and_labels_pass_through(images):
    labels = ops.convert_to_tensor(np.eye(1, dtype=np.float32))
    found, same = RandomTranslate(3)(images[:1], labels, keys(1))
    want = changed(RandomTranslate(3), images, keys())[:1]
    np.testing.assert_array_equal(ops.convert_to_numpy(found), want)
    assert same is labels


def test_config_round_trip():
    trick = RandomTranslate(4, "zeros")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


def test_bad_arguments():
    rule = r"pixels must be at least 0\. Received: pixels=-1"
    with pytest.raises(ValueError, match=rule):
        RandomTranslate(-1)
    rule = r"fill must be one of reflect, zeros\. Received: fill=edge"
    with pytest.raises(ValueError, match=rule):
        RandomTranslate(2, "edge")


def test_images_are_larger_than_the_offsets(images):
    rule = r"pixels must be below the image's sides\. Received: pixels=5, "
    with pytest.raises(ValueError, match=rule + r"images of .*5, 7"):
        RandomTranslate(5)(images, None, keys())


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert RandomTranslate.training_only and not RandomTranslate.mixes
