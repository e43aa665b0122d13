import dataclasses

import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, Eraser, draws, erase_batch
from kerastricks.augment.erase import fill_values

pytestmark = pytest.mark.traced

BATCH, HEIGHT, WIDTH = 6, 4, 5


@dataclasses.dataclass(frozen=True)
class TopRows(Eraser):
    """Erases the first rows: as many as the image's place in the batch."""

    def erase(self, images, fill, keys):
        rows = np.arange(HEIGHT)[None, :, None] < keys[:, 1][:, None, None]
        return erase_batch(images, rows, fill)


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return random.normal(size=(BATCH, HEIGHT, WIDTH, 3)).astype(np.float32)


def keys(count=BATCH, step=3):
    return np.array([[step, place] for place in range(count)], np.int32)


def top_rows(images, values):
    """What TopRows makes of them; `values` broadcast to the images."""
    expected = np.array(images, np.float32)
    values = np.broadcast_to(np.float32(values), images.shape)
    for row in range(len(images)):
        expected[row, :row] = values[row, :row]
    return expected


@pytest.mark.parametrize(
    "fill",
    [
        0.0,
        -1.5,
        np.array([1.0, 2.0, 3.0], np.float32),
        np.arange(18.0).reshape(BATCH, 1, 1, 3),
        np.arange(360.0).reshape(BATCH, HEIGHT, WIDTH, 3),
    ],
    ids=["zero", "number", "colour", "colours", "pixels"],
)
def test_what_the_mask_covers_is_filled(fill, images):
    mask = np.random.RandomState(1).uniform(size=images.shape[:3]) < 0.4
    found = ops.convert_to_numpy(erase_batch(images, mask, fill))
    assert found.dtype == np.float32
    expected = np.where(mask[..., None], np.float32(fill), images)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found[~mask], images[~mask])


def test_bytes_become_numbers():
    images = np.random.RandomState(0).randint(0, 256, (2, 3, 3, 3), np.uint8)
    mask = np.zeros((2, 3, 3), bool)
    mask[0, 1, 2] = True
    found = ops.convert_to_numpy(erase_batch(images, mask, -0.5))
    expected = images.astype(np.float32)
    expected[0, 1, 2] = -0.5
    np.testing.assert_array_equal(found, expected)


# Fills


@pytest.mark.parametrize("fill", ["mean", 0.5, (1.0, -2.0, 3.0)])
def test_numbers_fill(fill, images):
    found = ops.convert_to_numpy(TopRows(fill=fill)(images, None, keys())[0])
    values = 0.0 if fill == "mean" else fill
    np.testing.assert_array_equal(found, top_rows(images, values))


def test_a_color_is_one_for_an_image(images):
    drawn = ops.convert_to_numpy(draws.normal(keys(), "erase color", 3))
    found, _ = Augment([TopRows(fill="color")])(images, None, keys())
    np.testing.assert_allclose(
        ops.convert_to_numpy(found),
        top_rows(images, drawn[:, None, None]),
        atol=1e-5,
    )


def test_noise_is_another_for_each_pixel(images):
    drawn = ops.convert_to_numpy(draws.normal(keys(), "erase noise", 60))
    assert len(np.unique(drawn)) == BATCH * 60
    found, _ = Augment([TopRows(fill="noise")])(images, None, keys())
    np.testing.assert_allclose(
        ops.convert_to_numpy(found),
        top_rows(images, drawn.reshape(images.shape)),
        atol=1e-5,
    )


def test_colors_and_noise_are_standard_normal():
    images = np.zeros((400, 4, 4, 3), np.float32)
    for fill in ("color", "noise"):
        found = fill_values(fill, images, keys(400))
        found = ops.convert_to_numpy(found)
        # 1,200 or more of them.
        assert abs(found.mean()) < 0.1 and abs(found.std() - 1) < 0.1


def test_a_fill_has_to_be_named():
    with pytest.raises(TypeError, match="positional argument"):
        TopRows("noise")


@pytest.mark.parametrize(
    "fill",
    ["black", (1.0, 2.0), (), (1.0,) * 4, None, True, float("nan"), [1.0]],
    ids=repr,
)
def test_bad_fill(fill):
    rule = (
        r"^fill must be mean, color, noise, a number or three\. Received: fill="
    )
    with pytest.raises(ValueError, match=rule) as caught:
        TopRows(fill=fill)
    assert str(caught.value).endswith(f"fill={fill}")


def test_labels_pass_through_and_where_is_the_tricks(images):
    labels = np.eye(BATCH, dtype=np.float32)
    assert TopRows()(images, labels, keys())[1] is labels
    with pytest.raises(NotImplementedError):
        Eraser()(images, labels, keys())
    assert Eraser.training_only and not Eraser.mixes
