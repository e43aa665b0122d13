"""Pixels and boxes of torchvision, MXNet and GluonCV.

The file is made by tools/golden_augment.py.

torchvision's grey is .2989 R + .587 G + .114 B, ours .299 R + ...: what is
blended with grey is off by .0001 R, at most .026 grey levels.
"""

import pathlib

import numpy as np
import pytest
from keras import ops

from kerastricks.augment import (
    RandomErasing,
    apply_color,
    blur_batch,
    color,
    flip_batch,
    pca_noise,
)

pytestmark = pytest.mark.traced

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden_augment.npz")
FACTORS = GOLDEN["factors"]
MATRICES = {
    "brightness": lambda factor, mean: color.brightness_matrix(factor),
    "contrast": color.contrast_matrix,
    "saturation": lambda factor, mean: color.saturation_matrix(factor),
}
# How much of R, or of its mean, torchvision's grey lacks.
LACK = 0.299 - 0.2989


def changed(image, matrices, limits=None):
    """The image by each of the matrices."""
    images = np.repeat(image[None].astype(np.float32), len(matrices), axis=0)
    return ops.convert_to_numpy(apply_color(images, matrices, limits))


def by_factors(name, image, limits=None):
    mean = image.reshape(-1, 3).mean(axis=0, dtype=np.float32)[None]
    return changed(image, MATRICES[name](FACTORS, mean), limits)


def lacking(name, image):
    """What torchvision's shade of grey makes the results differ by."""
    red = image[None, ..., :1].astype(np.float32) * LACK
    part = (1 - FACTORS)[:, None, None, None]
    if name == "brightness":
        return 0 * part
    return part * (red.mean() if name == "contrast" else red)


@pytest.mark.parametrize("name", MATRICES)
def test_colours_on_floats(name):
    image, expected = GOLDEN["middle"], GOLDEN[f"{name}/floats"]
    assert 1 < expected.min() and expected.max() < 254  # nothing clips
    found = by_factors(name, image)
    np.testing.assert_allclose(
        found - lacking(name, image), expected, atol=1e-3, rtol=0
    )
    np.testing.assert_allclose(found, expected, atol=0.01, rtol=0)


@pytest.mark.parametrize("name", MATRICES)
def test_colours_on_bytes_but_for_the_fraction(name):
    image, expected = GOLDEN["full"], GOLDEN[f"{name}/bytes"].astype(float)
    off = by_factors(name, image, (0.0, 255.0)) - expected
    # A fraction of the grey is dropped too, and counts |1 - f| of one.
    grey = 0 if name == "brightness" else np.abs(1 - FACTORS).max() + 0.01
    assert -grey - 1e-3 < off.min() and off.max() < 1 + grey + 1e-3


def test_grey():
    image = GOLDEN["middle"]
    matrix = color.saturation_matrix(np.zeros(1, np.float32))
    found = changed(image, matrix)[0]
    np.testing.assert_allclose(found[..., 0], found[..., 2], atol=1e-4)
    np.testing.assert_allclose(
        found - LACK * image[..., :1],
        np.repeat(GOLDEN["gray/floats"], 3, axis=2),
        atol=1e-3,
        rtol=0,
    )


@pytest.mark.parametrize("number", range(len(GOLDEN["blurs"])))
def test_blur(number):
    taps, sigma = GOLDEN["blurs"][number]
    sigmas = np.full(1, sigma, np.float32)
    for kind, name, most in (
        ("floats", "middle", 1e-3),
        ("bytes", "full", 0.5),
    ):
        image = GOLDEN[name][None].astype(np.float32)
        found = ops.convert_to_numpy(blur_batch(image, sigmas, int(taps)))[0]
        expected = GOLDEN[f"blur/{kind}"][number].astype(np.float32)
        # Blurred bytes are rounded.
        assert np.abs(found - expected).max() <= most + 1e-3


@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_flip(axis):
    found = flip_batch(GOLDEN["full"][None], np.ones(1, bool), axis)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(found)[0], GOLDEN[f"flip/{axis}"]
    )


def test_hue():
    image = GOLDEN["middle"]
    found = changed(image, color.hue_matrix(GOLDEN["turns"]))
    # MXNet's rounded way back makes a difference even without a turn.
    same = list(GOLDEN["turns"]).index(0)
    rounding = np.abs(GOLDEN["hue"][same] - image).max()
    assert 0.1 < rounding < 0.6
    assert np.abs(found - GOLDEN["hue"]).max() < 1.2 * rounding
    np.testing.assert_allclose(found[same], image, atol=1e-3, rtol=0)


def test_lighting():
    found = ops.convert_to_numpy(pca_noise.pca_shift(GOLDEN["amounts"]))
    np.testing.assert_allclose(found, GOLDEN["lighting"], atol=1e-4, rtol=0)


def distance(one, other):
    """Kolmogorov and Smirnov's."""
    places = np.unique(np.concatenate([one, other]))
    shares = [
        np.searchsorted(np.sort(values), places, side="right") / len(values)
        for values in (one, other)
    ]
    return np.abs(shares[0] - shares[1]).max()


@pytest.mark.parametrize("shape", [(32, 32), (64, 96)])
def test_erased_boxes(shape):
    theirs = GOLDEN[f"boxes/{shape[0]}x{shape[1]}"].astype(int)
    count = len(theirs)
    keys = np.stack([np.full(count, 5), np.arange(count)], axis=1)
    boxes = RandomErasing(1.0).boxes(keys.astype(np.int32), *shape)
    top, bottom, left, right = ops.convert_to_numpy(boxes).T.astype(int)
    ours = np.stack([top, left, bottom - top, right - left], axis=1)
    # 1.95 sqrt(2 / n): exceeded once in a thousand.
    limit = 1.95 * np.sqrt(2 / count)
    for name, number in {
        "area": lambda box: box[:, 2] * box[:, 3],
        "aspect": lambda box: box[:, 2] / box[:, 3],
        "top": lambda box: box[:, 0],
        "left": lambda box: box[:, 1],
        "bottom": lambda box: box[:, 0] + box[:, 2],
        "right": lambda box: box[:, 1] + box[:, 3],
    }.items():
        assert distance(number(ours), number(theirs)) < limit, name
