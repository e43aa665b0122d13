"""Pictures small enough for a page."""

import io

import numpy as np
from PIL import Image

from kerastricks.data import open_splits
from kerastricks.data.inspection.thumbnails import encoded, thumbnail


def opened(data):
    return Image.open(io.BytesIO(data))


def test_large_pictures_shrink(photo):
    image = photo(0, 300, 600)
    data = encoded(image)
    small = opened(data)
    assert (small.format, small.size) == ("JPEG", (112, 56))
    expected = Image.fromarray(image).resize(
        (112, 56), Image.Resampling.BILINEAR
    )
    difference = np.asarray(small, int) - np.asarray(expected)
    assert np.abs(difference).mean() < 5
    assert len(data) < 6000


def test_tiny_pictures_keep_their_pixels():
    image = np.random.RandomState(0).randint(0, 256, (8, 5, 3)).astype(np.uint8)
    small = opened(encoded(image))
    assert small.format == "PNG"
    np.testing.assert_array_equal(np.asarray(small), image)


def test_narrow_picture_keeps_a_pixel():
    assert opened(encoded(np.zeros((1000, 2, 3), np.uint8))).size == (1, 112)


def test_of_a_source(image_folder):
    source = open_splits(f"folder:{image_folder}")["val"]
    small = opened(thumbnail(source, 4))
    with Image.open(source.names[4]) as file:
        assert small.size == file.size
