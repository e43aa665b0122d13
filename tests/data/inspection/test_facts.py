"""What is said of a single image."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerastricks.data.inspection.facts import format_of, looker, stored_as

IMAGE = np.random.RandomState(0).randint(0, 256, (20, 30, 3)).astype(np.uint8)
look = looker(encoded=True, max_pixels=5000)


def saved(kind, mode="RGB", **options):
    out = io.BytesIO()
    Image.fromarray(IMAGE).convert(mode).save(out, kind, **options)
    return out.getvalue()


def test_numbers_of_a_lossless_file():
    data = saved("PNG")
    one = look(data)
    assert (one.fault, one.size, one.format) == ("", len(data), "PNG")
    assert (one.height, one.width, one.stored) == (20, 30, "RGB")
    levels = IMAGE.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(one.mean, levels.mean(0), rtol=1e-6)
    np.testing.assert_allclose(one.square, (levels**2).mean(0), rtol=1e-6)
    assert not one.colourless and not one.rotated
    assert one.signature.shape == (32, 32)


def test_signature_is_the_grey_picture_made_small():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = (200, 100, 50)
    one = looker(encoded=False)(tf.constant(image))
    grey = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    np.testing.assert_array_equal(one.signature[:, :15], 0)
    np.testing.assert_array_equal(one.signature[:, 17:], round(grey))
    np.testing.assert_array_equal(one.layout[:, 0], 0)
    np.testing.assert_array_equal(one.layout[:, 3], [[200, 100, 50]] * 4)


@pytest.mark.parametrize(
    "kind, mode, name, stored",
    [
        ("JPEG", "RGB", "JPEG", "RGB"),
        ("JPEG", "L", "JPEG", "grayscale"),
        ("JPEG", "CMYK", "JPEG", "CMYK"),
        ("PNG", "L", "PNG", "grayscale"),
        ("PNG", "P", "PNG", "palette"),
        ("PNG", "RGBA", "PNG", "RGBA"),
        ("PNG", "LA", "PNG", "grayscale and alpha"),
        ("GIF", "P", "GIF", "palette"),
        ("BMP", "RGB", "BMP", "RGB"),
        ("BMP", "P", "BMP", "palette"),
        ("WEBP", "RGB", "WebP", "RGB"),
    ],
)
def test_format_and_mode(kind, mode, name, stored):
    data = saved(kind, mode)
    assert (format_of(data), look(data).stored) == (name, stored)
    assert look(data).colourless == (mode in ("L", "LA"))


def test_transparency_of_webp_by_its_flags():
    image = Image.fromarray(IMAGE).convert("RGBA")
    image.putalpha(100)
    for lossless in (True, False):
        out = io.BytesIO()
        image.save(out, "WEBP", lossless=lossless)
        assert stored_as(out.getvalue()[:64]) == "RGBA"


def test_turned_photo():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved("JPEG", exif=exif)
    one = look(data)
    assert (one.rotated, one.height, one.width) == (True, 30, 20)
    as_stored = looker(encoded=True, exif=False)(data)
    assert (as_stored.height, as_stored.width) == (20, 30)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "empty"),
        (b"<html>404", "no image"),
        (saved("JPEG")[:300], "damaged"),
        (saved("PNG")[:500], "damaged"),
    ],
)
def test_faults(data, reason):
    assert look(data).fault == reason


def test_too_large():
    small = looker(encoded=True, max_pixels=599)
    assert small(saved("PNG")).fault == "above 599 pixels"
    assert looker(encoded=True, max_pixels=600)(saved("PNG")).fault == ""


def test_fingerprints():
    png, bmp, jpeg = (look(saved(kind)) for kind in ("PNG", "BMP", "JPEG"))
    assert png.pixels == bmp.pixels != jpeg.pixels
    assert png.digest != bmp.digest
    assert look(saved("PNG")).digest == png.digest
    turned = looker(encoded=False)(tf.zeros([2, 3, 3], tf.uint8))
    upright = looker(encoded=False)(tf.zeros([3, 2, 3], tf.uint8))
    assert turned.pixels != upright.pixels  # the same bytes, another shape
