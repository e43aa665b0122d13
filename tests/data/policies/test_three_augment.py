"""3-Augment: Pillow's grayscale, solarize and (nearly) blur."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.policies.three_augment import (
    ThreeAugment,
    blur,
    three_augment,
    three_boxes,
)


def test_grayscale_and_solarize_are_pillows(golden, picture):
    image = tf.constant(picture)
    gray = three_augment(image, tf.constant(0), tf.constant(1.0)).numpy()
    np.testing.assert_array_equal(gray, golden["gray"][..., None].repeat(3, 2))
    solarized = three_augment(image, tf.constant(1), tf.constant(1.0))
    np.testing.assert_array_equal(solarized, golden["solarized"])


def test_blur_is_pillows_within_its_rounding(golden, picture):
    for sigma, expected in zip(
        golden["about"]["sigmas"], golden["blurs"], strict=True
    ):
        new = three_augment(tf.constant(picture), tf.constant(2), sigma).numpy()
        far = np.abs(new.astype(int) - expected)
        assert far[6:-6, 6:-6].max() <= 2 and far.max() <= 8, sigma
        assert far.mean() < 0.5
        assert sigma < 0.5 or np.abs(expected.astype(int) - picture).max() > 20


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 1.7, 2.0])
def test_three_boxes_have_the_gaussians_variance(sigma):
    weights = three_boxes(tf.constant(sigma)).numpy()
    places = np.arange(-6, 7)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights, weights[::-1], rtol=1e-5)
    assert (weights * places**2).sum() == pytest.approx(sigma**2, rel=1e-3)


def test_plain_image_stays_plain_when_blurred():
    plain = tf.fill([7, 9, 3], tf.constant(201, tf.uint8))
    np.testing.assert_array_equal(blur(plain, tf.constant(2.0)), plain)


def test_blur_of_a_point_by_the_formula():
    image = np.zeros((15, 15, 3), np.uint8)
    image[7, 7] = 255
    weights = three_boxes(tf.constant(1.0)).numpy()
    rows = np.round(255 * weights)
    expected = np.round(np.outer(rows, weights))
    new = blur(tf.constant(image), tf.constant(1.0)).numpy()
    np.testing.assert_allclose(new[1:14, 1:14, 1], expected, atol=1)
    assert new[7, 7, 0] > 30 and new[7, 9, 0] > 3


def test_each_third_of_the_images_gets_one(picture, run_many):
    images = run_many(ThreeAugment(), picture, 240)
    gray = (images == images[..., :1]).all(axis=(1, 2, 3))
    solarized = (images == np.where(picture < 128, picture, 255 - picture)).all(
        axis=(1, 2, 3)
    )
    assert 55 < gray.sum() < 110 and 55 < solarized.sum() < 110
    blurred = images[~gray & ~solarized]
    assert 55 < len(blurred) < 110
    # Their sigmas differ.
    assert len({image.tobytes() for image in blurred}) > 0.9 * len(blurred)
    np.testing.assert_array_equal(
        images, run_many(ThreeAugment(), picture, 240)
    )
