import dataclasses
import math

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import ColorTrick, apply_color, color

pytestmark = pytest.mark.traced

LUMA = np.array([0.299, 0.587, 0.114])
FACTORS = np.array([0.0, 0.5, 1.0, 1.3, 2.0], np.float32)
TURNS = np.array([-0.5, -0.1, 0.0, 0.25, 1.0], np.float32)
# As MXNet's image.py has them: the way back is rounded.
TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]]
)
MXNET_FROM_YIQ = np.array(
    [[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]]
)


@dataclasses.dataclass(frozen=True)
class Times(ColorTrick):
    """x' = factor x + shift mean; tells which mean it was given."""

    factor: float = 1.0
    shift: float = 0.0
    clips: bool = False

    def matrix(self, keys, mean):
        linear = np.eye(3, dtype=np.float32)[None] * self.factor
        linear = linear + ops.zeros_like(mean)[:, None]
        return color.affine(linear, self.shift * mean)

    def limits(self, low, high):
        return low * self.factor, high * self.factor


@pytest.fixture(scope="module")
def images():
    return np.random.RandomState(0).randint(0, 256, (5, 3, 4, 3), np.uint8)


def matrices(count=5, seed=1):
    """[count, 3, 4] of any kind."""
    random = np.random.RandomState(seed)
    return random.normal(size=(count, 3, 4)).astype(np.float32)


def pixels(images, matrix):
    """A x + b, pixel by pixel, in float64."""
    found = np.empty(images.shape)
    for place in np.ndindex(images.shape[:3]):
        linear, offset = np.split(matrix[place[0]].astype(np.float64), [3], 1)
        found[place] = linear @ images[place] + offset[:, 0]
    return found


def applied(images, matrix, limits=None):
    return ops.convert_to_numpy(
        apply_color(ops.cast(images, "float32"), matrix, limits)
    )


def changed(tricks, images):
    return ops.convert_to_numpy(color.change_colors(tricks, images, None))


def grey(images):
    return images.astype(np.float64) @ LUMA


# Applying and composing


def test_each_pixel_is_multiplied_and_shifted(images):
    found = applied(images, matrices())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, pixels(images, matrices()), atol=2e-4)


def test_one_matrix_for_all_images(images):
    one = matrices(1)
    np.testing.assert_allclose(
        applied(images, one), pixels(images, one.repeat(5, 0)), atol=2e-4
    )


@pytest.mark.parametrize(
    "limits", [(0.0, 255.0), (np.array([-9, 0, 9]), np.array([30, 20, 10]))]
)
def test_limits_cut_each_channel(limits, images):
    expected = np.clip(pixels(images, matrices()), *limits)
    found = applied(images, matrices(), limits)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert (found == np.float32(limits[1])).any()


def test_a_composed_matrix_does_the_first_then_the_second(images):
    first, second = matrices(seed=2), matrices(seed=3)
    both = ops.convert_to_numpy(color.compose(first, second))
    np.testing.assert_allclose(
        both[..., :3], second[..., :3] @ first[..., :3], atol=1e-5
    )
    expected = pixels(pixels(images, first), second)
    np.testing.assert_allclose(applied(images, both), expected, atol=2e-3)


def test_a_matrix_for_all_composes_with_one_for_each():
    each, one = matrices(seed=2), matrices(1, seed=3)
    for pair in ((each, one), (one, each)):
        found = ops.convert_to_numpy(color.compose(*pair))
        whole = [np.broadcast_to(matrix, (5, 3, 4)) for matrix in pair]
        want = ops.convert_to_numpy(color.compose(*map(np.array, whole)))
        np.testing.assert_array_equal(found, want)


def test_mean_after_is_the_mean_of_the_changed_images(images):
    mean = images.mean(axis=(1, 2)).astype(np.float32)
    found = ops.convert_to_numpy(color.mean_after(matrices(), mean))
    expected = pixels(images, matrices()).mean(axis=(1, 2))
    np.testing.assert_allclose(found, expected, atol=2e-4)


# The four changes


def test_brightness(images):
    found = applied(images, color.brightness_matrix(FACTORS))
    expected = images * FACTORS.astype(np.float64)[:, None, None, None]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_contrast_is_about_the_mean_grey(images):
    mean = images.mean(axis=(1, 2)).astype(np.float32)
    found = applied(images, color.contrast_matrix(FACTORS, mean))
    for got, image, factor in zip(found, images, FACTORS, strict=True):
        expected = factor * image.astype(float)
        expected += (1 - factor) * grey(image).mean()
        np.testing.assert_allclose(got, expected, atol=2e-4)


def test_saturation_is_about_each_pixels_grey(images):
    found = applied(images, color.saturation_matrix(FACTORS))
    for got, image, factor in zip(found, images, FACTORS, strict=True):
        expected = factor * image.astype(float)
        expected += (1 - factor) * grey(image)[..., None]
        np.testing.assert_allclose(got, expected, atol=2e-4)


def test_hue_turns_the_chroma_plane_of_yiq(images):
    found = applied(images, color.hue_matrix(TURNS))
    for got, image, turn in zip(found, images, TURNS, strict=True):
        y, i, q = np.moveaxis(image @ TO_YIQ.T, -1, 0)
        cos, sin = math.cos(math.pi * turn), math.sin(math.pi * turn)
        turned = np.stack([y, cos * i - sin * q, sin * i + cos * q], axis=-1)
        expected = turned @ np.linalg.inv(TO_YIQ).T
        np.testing.assert_allclose(got, expected, atol=5e-4)
        # MXNet's way back is rounded: off by up to .3 of 255 for no turn.
        np.testing.assert_allclose(got, turned @ MXNET_FROM_YIQ.T, atol=1.5)
        np.testing.assert_allclose(grey(got), y, atol=5e-4)


def test_factor_1_and_no_turn_are_the_identity(images):
    one, mean = np.ones(5, np.float32), np.full((5, 3), 77, np.float32)
    for matrix, bound in (
        (color.brightness_matrix(one), 0),
        (color.contrast_matrix(one, mean), 0),
        (color.saturation_matrix(one), 0),
        (color.hue_matrix(0 * one), 1e-4),
    ):
        np.testing.assert_allclose(applied(images, matrix), images, atol=bound)


def test_two_turns_add_up():
    once = color.hue_matrix(np.array([0.3], np.float32))
    other = color.hue_matrix(np.array([0.45], np.float32))
    np.testing.assert_allclose(
        ops.convert_to_numpy(color.compose(once, other)),
        ops.convert_to_numpy(color.hue_matrix(np.array([0.75], np.float32))),
        atol=1e-5,
    )


# Several tricks in one pass


def test_a_trick_learns_the_mean_after_those_before_it(images):
    found = changed([Times(2.0), Times(1.0, shift=0.5)], images)
    doubled = 2.0 * images
    expected = doubled + 0.5 * doubled.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_only_those_that_clip_have_limits_and_they_move_along(images):
    free = changed([Times(2.0), Times(0.5, shift=1.0)], images)
    assert free.max() > 260
    for tricks in (
        [Times(2.0, clips=True), Times(0.5, shift=1.0)],
        [Times(2.0), Times(0.5, shift=1.0, clips=True)],
    ):
        found = changed(tricks, images)
        np.testing.assert_allclose(found, np.clip(free, 0, 255), atol=1e-4)
    # All steps scale by 1/2, so that 255 becomes 127.5.
    found = changed([Times(1.0, 1.0, clips=True), Times(0.5)], images)
    free = changed([Times(1.0, 1.0), Times(0.5)], images)
    assert free.max() > 130
    np.testing.assert_allclose(found, np.clip(free, 0, 127.5), atol=1e-4)


def test_no_tricks_change_nothing(images):
    found = changed([], images)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, images)


def test_float32_under_half_precision_policies(images):
    want = changed([Times(1.1), Times(1.0, shift=0.1)], images)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed([Times(1.1), Times(1.0, shift=0.1)], images)
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, want)


def test_a_color_trick_leaves_the_labels_alone(images):
    labels = np.eye(5, dtype=np.float32)
    found, same = Times(2.0)(images, labels, None)
    assert same is labels
    np.testing.assert_array_equal(ops.convert_to_numpy(found), 2.0 * images)
    with pytest.raises(NotImplementedError):
        ColorTrick()(images, labels, None)
