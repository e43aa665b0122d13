import numpy as np
import pytest
from keras import ops

from kerastricks.augment.paste import paste_boxes

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 6, 4, 5
# A box ends before its second edges; outside the image there is nothing.
BOXES = [
    [0, 4, 0, 5],
    [1, 3, 2, 3],
    [2, 2, 0, 5],
    [-3, 1, 4, 9],
    [2, 9, -2, 1],
    [3, 1, 4, 2],
]


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return random.normal(size=(BATCH, HEIGHT, WIDTH, 3)).astype(np.float32)


def inside(boxes):
    """Pixel by pixel."""
    found = np.zeros((len(boxes), HEIGHT, WIDTH, 1), bool)
    for number, (top, bottom, left, right) in enumerate(boxes):
        for i, j in np.ndindex(HEIGHT, WIDTH):
            found[number, i, j] = top <= i < bottom and left <= j < right
    return found


def pasted(images, others, boxes):
    found = paste_boxes(ops.convert_to_tensor(images), others, np.int32(boxes))
    return ops.convert_to_numpy(found)


@pytest.mark.parametrize(
    "shape",
    [(), (3,), (BATCH, 1, 1, 3), (BATCH, HEIGHT, WIDTH, 3)],
    ids=["number", "colour", "colours", "images"],
)
def test_what_lies_in_a_box_comes_from_the_others(shape, images):
    others = np.random.RandomState(1).normal(size=shape).astype(np.float32)
    found = pasted(images, others, BOXES)
    expected = np.where(inside(BOXES), others, images)
    np.testing.assert_array_equal(found, expected)


def test_one_box_for_all(images):
    found = pasted(images, images[::-1].copy(), BOXES[1:2])
    expected = np.where(inside(BOXES[1:2]), images[::-1], images)
    np.testing.assert_array_equal(found, expected)


def test_one_channel_and_bytes():
    images = np.random.RandomState(2).randint(0, 256, (BATCH, 4, 5, 1))
    found = pasted(images.astype(np.uint8), -0.5, BOXES)
    assert found.dtype == np.float32
    expected = np.where(inside(BOXES), -0.5, images)
    np.testing.assert_array_equal(found, expected)
