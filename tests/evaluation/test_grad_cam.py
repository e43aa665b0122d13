"""Grad-CAM, where the map is known in closed form."""

import keras
import numpy as np
import pytest
from keras import layers

from kerastricks import models
from kerastricks.evaluation.grad_cam import grad_cam

WEIGHTS = np.array([[1.0, -1.0, 0.5], [-2.0, 1.0, 0.0]], np.float32)  # [K, C]


@pytest.fixture(scope="module")
def linear():
    """Features are the first two channels; their means times WEIGHTS."""
    keras.utils.set_random_seed(0)
    images = keras.Input((4, 5, 3))
    features = layers.Conv2D(2, 1, use_bias=False, name="features")(images)
    pooled = layers.GlobalAveragePooling2D()(features)
    model = keras.Model(images, layers.Dense(3, use_bias=False)(pooled))
    kernel = np.eye(3, 2, dtype=np.float32)[None, None]
    model.set_weights([kernel, WEIGHTS])
    return model


@pytest.fixture(scope="module")
def pictures():
    return np.random.RandomState(0).normal(size=(18, 4, 5, 3)).astype("float32")


def closed_form(pictures, classes):
    """relu(sum_k W[k, c] A_k) / max: a_k is W[k, c] / (h w), for all k."""
    maps = np.einsum("nhwk,kn->nhw", pictures[..., :2], WEIGHTS[:, classes])
    maps = np.maximum(maps, 0)
    return maps / maps.max(axis=(1, 2), keepdims=True)


@pytest.mark.traced
def test_it_is_the_closed_form_of_pooled_features(linear, pictures):
    classes = np.arange(18) % 3
    found = grad_cam(linear, pictures, classes)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, closed_form(pictures, classes), rtol=1e-4, atol=1e-5
    )


@pytest.mark.traced
def test_a_class_that_nothing_speaks_for_has_a_map_of_zeros(linear):
    dark = -np.ones((1, 4, 5, 3), np.float32)
    dark[..., 1] = 1  # class 0: 1 * -1 + -2 * 1
    np.testing.assert_array_equal(grad_cam(linear, dark, np.array([0])), 0)


def test_a_layer_may_be_named(linear, pictures):
    classes = np.zeros(18, int)
    np.testing.assert_array_equal(
        grad_cam(linear, pictures, classes, layer="features"),
        grad_cam(linear, pictures, classes),
    )


def test_features_are_those_before_the_pooling_not_of_one_place():
    """Nor is what one branch alone gives: the logits need the other too."""
    images = keras.Input((6, 6, 3))
    features = layers.Conv2D(4, 3, name="features")(images)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(features)
    gate = layers.Conv2D(4, 1, activation="sigmoid")(gate)
    gated = layers.Multiply(name="gated")([features, gate])
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(gated)
    logits = layers.Flatten()(layers.Conv2D(2, 1)(pooled))
    model = keras.Model(images, logits)
    inputs = np.random.RandomState(1).normal(size=(3, 6, 6, 3))
    inputs, classes = inputs.astype("float32"), np.array([0, 1, 1])
    np.testing.assert_allclose(
        grad_cam(model, inputs, classes),
        grad_cam(model, inputs, classes, layer="gated"),
    )
    # Through the gate there is another way to the logits.
    assert grad_cam(model, inputs, classes, layer="features").shape == (3, 4, 4)


@pytest.mark.parametrize(
    "name, options",
    # MobileNetV3 goes on with convolutions of what it has pooled.
    [("resnet10_d", {"width": 0.125}), ("keras:MobileNetV3Small", {})],
)
def test_networks_show_their_last_stage(name, options):
    model = models.create(name, num_classes=3, image_size=64, **options)
    inputs = np.random.RandomState(2).normal(size=(2, 64, 64, 3))
    found = grad_cam(model, inputs.astype("float32"), np.array([0, 2]))
    assert found.shape == (2, 2, 2)
    assert found.min() >= 0
    assert set(found.max(axis=(1, 2))) <= {0, 1}


def test_what_has_no_features_is_told():
    flat = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten()])
    flat.add(layers.Dense(2))
    with pytest.raises(ValueError, match="needs features"):
        grad_cam(flat, np.zeros((1, 4, 4, 3)), np.array([0]))


def test_each_image_needs_a_class(linear):
    with pytest.raises(ValueError, match="classes.shape=\\(2,\\)"):
        grad_cam(linear, np.zeros((1, 4, 5, 3)), np.array([0, 1]))
