import itertools
import json
import math

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import (
    Augment,
    ColorJitter,
    apply_color,
    color_matrix,
    draws,
)
from kerastricks.augment.color_jitter import Amounts, jitter_by_steps
from kerastricks.backend import fused

pytestmark = pytest.mark.traced

BATCH = 6
LUMA = np.array([0.299, 0.587, 0.114])
TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]]
)


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    # Away from the ends of the range, so that small changes do not clip.
    return random.randint(90, 160, (BATCH, 4, 3, 3)).astype(np.uint8)


def keys(count=BATCH, step=3):
    return np.array([[step, place] for place in range(count)], np.int32)


def changed(trick, images, keys):
    found, _ = Augment([trick])(images, None, keys)
    return ops.convert_to_numpy(found)


def one_after_the_other(image, factors, turn, order, clip=False):
    """The four changes of one image, in float64."""
    image = image.astype(np.float64)
    brightness, contrast, saturation = map(float, factors)
    for step in order:
        grey = image @ LUMA
        if step == 0:
            image = brightness * image
        elif step == 1:
            image = contrast * image + (1 - contrast) * grey.mean()
        elif step == 2:
            image = saturation * image + (1 - saturation) * grey[..., None]
        else:
            y, i, q = np.moveaxis(image @ TO_YIQ.T, -1, 0)
            cos, sin = math.cos(math.pi * turn), math.sin(math.pi * turn)
            yiq = np.stack([y, cos * i - sin * q, sin * i + cos * q], axis=-1)
            image = yiq @ np.linalg.inv(TO_YIQ).T
        if clip:
            image = np.clip(image, 0, 255)
    return image


def from_keys(trick, images, keys):
    """What the trick makes of them, worked out from the draws."""
    drawn = ops.convert_to_numpy(draws.uniform(keys, "colour jitter", 4))
    orders = np.tile(np.arange(4), (len(images), 1))
    if trick.clip == "step" and trick.order == "random":
        orders = draws.order_of(keys, "colour order", 4)
        orders = ops.convert_to_numpy(orders)
    found = []
    for image, numbers, order in zip(images, drawn, orders, strict=True):
        factors = []
        strengths = (trick.brightness, trick.contrast, trick.saturation)
        for number, strength in zip(numbers, strengths, strict=False):
            low, high = max(0.0, 1 - strength), 1 + strength
            factors.append(low + number * (high - low))
        turn = trick.hue * (2 * numbers[3] - 1)
        found.append(
            one_after_the_other(
                image, factors, turn, order, trick.clip == "step"
            )
        )
    return np.stack(found)


@pytest.fixture(scope="module")
def in_24_orders():
    """All orders at once: (images, amounts, orders)."""
    orders = np.array(list(itertools.permutations(range(4))), np.int32)
    random = np.random.RandomState(1)
    images = random.randint(0, 256, (24, 3, 2, 3)).astype(np.float32)
    factors = random.uniform(0.2, 1.8, (3, 24)).astype(np.float32)
    turns = random.uniform(-0.5, 0.5, 24).astype(np.float32)
    return images, (*factors, turns), orders


def test_the_matrix_does_the_four_changes_in_whatever_order(in_24_orders):
    images, amounts, orders = in_24_orders
    matrix = fused(color_matrix)(*amounts, images.mean(axis=(1, 2)))
    found = ops.convert_to_numpy(apply_color(images, matrix))
    for i, order in enumerate(orders):
        *factors, turn = (amount[i] for amount in amounts)
        listed = one_after_the_other(images[i], factors, turn, range(4))
        np.testing.assert_allclose(found[i], listed, atol=2e-3)
        # MXNet's YIQ has a trace of colour in its greys.
        expected = one_after_the_other(images[i], factors, turn, order)
        np.testing.assert_allclose(found[i], expected, atol=0.7)


@pytest.mark.parametrize("listed", [False, True])
def test_by_steps_each_is_cut_before_the_next(in_24_orders, listed):
    images, amounts, orders = in_24_orders
    run = fused(
        lambda images, orders, *amounts: jitter_by_steps(
            images, Amounts(*amounts), None if listed else orders
        )
    )
    found = ops.convert_to_numpy(run(images, orders, *amounts))
    shown = 0
    for i, order in enumerate(orders):
        *factors, turn = (amount[i] for amount in amounts)
        order = range(4) if listed else order
        expected = one_after_the_other(images[i], factors, turn, order, True)
        np.testing.assert_allclose(found[i], expected, atol=2e-3)
        turned = one_after_the_other(
            images[i], factors, turn, order[::-1], True
        )
        shown += np.abs(turned - expected).max() > 10
    assert shown > 12  # an order shows


@pytest.mark.parametrize(
    "trick",
    [
        ColorJitter(0.2, 0.2, 0.2, 0.02),
        ColorJitter(3.0, 2.0, 1.5, 0.5, clip="never"),
        ColorJitter(1.5, 1.5, 1.5, 0.2, clip="step"),
        ColorJitter(1.5, 1.5, 1.5, 0.2, clip="step", order="fixed"),
    ],
    ids=["weak", "strong", "steps", "steps in order"],
)
def test_the_keys_choose_factors_and_orders(trick, images):
    expected = from_keys(trick, images, keys())
    if trick.clip == "end":
        assert 0 < expected.min() and expected.max() < 255
    np.testing.assert_allclose(
        changed(trick, images, keys()), expected, atol=0.05
    )


def test_what_leaves_the_range_is_cut_off(images):
    trick = ColorJitter(3.0, 3.0, 3.0, 0.5)
    expected = from_keys(trick, images, keys())
    assert expected.min() < -20 and expected.max() > 300
    np.testing.assert_allclose(
        changed(trick, images, keys()), np.clip(expected, 0, 255), atol=0.05
    )


@pytest.mark.parametrize("clip", ["end", "step", "never"])
def test_strength_0_is_the_identity(clip, images):
    found = changed(ColorJitter(0, 0, 0, 0, clip=clip), images, keys())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, images, atol=2e-4)


def test_the_same_keys_repeat_and_others_differ(images):
    trick = Augment([ColorJitter(0.4, 0.4, 0.4, 0.1)])
    first, again, other = (
        ops.convert_to_numpy(trick(images, None, keys(step=step))[0])
        for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    # Every image differs.
    assert (np.abs(first - other).max(axis=(1, 2, 3)) > 0.5).all()


@pytest.mark.parametrize("strength", [0.4, 1.5])
def test_factors_are_uniform(strength):
    # Grey images of 100: brightness can be read off.
    images = np.full((4000, 1, 1, 3), 100, np.float32)
    trick = ColorJitter(strength, 0, 0, clip="never")
    factors = changed(trick, images, keys(4000))[:, 0, 0, 0] / 100
    low, high = max(0, 1 - strength), 1 + strength
    assert low - 1e-5 <= factors.min() and factors.max() <= high + 1e-5
    counts = np.histogram(factors, 10, (low, high))[0]
    # 9 degrees of freedom: below this in all but 1 of 10^3 draws.
    assert np.sum((counts - 400) ** 2) / 400 < 28


def test_float32_under_half_precision_policies(images):
    trick = ColorJitter(0.2, 0.2, 0.2, 0.02)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = changed(trick, images, keys())
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, from_keys(trick, images, keys()), atol=5e-3
    )


def test_config_round_trip():
    trick = ColorJitter(0.1, 0.2, 0.3, 0.4, order="fixed", clip="never")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_bad_strength(name, value):
    rule = rf"{name} must be at least 0\. Received: {name}={value}"
    with pytest.raises(ValueError, match=rule):
        ColorJitter(**{name: value})


@pytest.mark.parametrize("hue", [-0.1, 0.6, float("nan")])
def test_bad_hue(hue):
    rule = rf"hue must be in \[0, 0\.5\]\. Received: hue={hue}"
    with pytest.raises(ValueError, match=rule):
        ColorJitter(hue=hue)


def test_bad_clip():
    rule = "clip must be one of end, step, never. Received: clip=True"
    with pytest.raises(ValueError, match=rule):
        ColorJitter(clip=True)


def test_bad_order():
    rule = "order must be one of random, fixed. Received: order=any"
    with pytest.raises(ValueError, match=rule):
        ColorJitter(order="any")


def test_it_acts_in_training_alone_and_mixes_nothing():
    assert ColorJitter.training_only and not ColorJitter.mixes
