"""How a Keras layer is called: in a graph, op by op, on padded images."""

from typing import Any

import numpy as np
import tensorflow as tf

from conformance.adaptor import Apply, images_only, one_by_one
from conformance.laws_place import sampled


def on_images(layer: Any) -> Apply:
    """In a graph, as in tf.data or a model."""
    call = tf.function(lambda images: layer(images, training=True))
    return images_only(lambda images: call(images).numpy())


def on_batch(layer: Any) -> Apply:
    """Takes and gives a dict of images and labels."""
    call = tf.function(
        lambda images, labels: layer(
            {"images": images, "labels": labels}, training=True
        )
    )

    def apply(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        found = call(images, labels)
        return tuple(found[key].numpy() for key in ("images", "labels"))

    return apply


def op_by_op(layer: Any) -> Apply:
    """The same without a graph."""

    def apply(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        found = layer({"images": images, "labels": labels}, training=True)
        return tuple(found[key].numpy() for key in ("images", "labels"))

    return apply


def padded(layer: Any) -> Apply:
    """Keras's crop pads nothing."""
    apply = on_images(layer)

    def padded_first(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return apply(np.pad(images, [(0, 0), (4, 4), (4, 4), (0, 0)]), labels)

    return padded_first


def tensorflow_crop() -> Apply:
    """TensorFlow's own, which many take for the same law."""

    def change(image: np.ndarray) -> np.ndarray:
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            image.shape,
            tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
            min_object_covered=0.1,
            area_range=(0.08, 1.0),
            aspect_ratio_range=(3 / 4, 4 / 3),
        )
        return sampled(image, *begin.numpy()[:2], *size.numpy()[:2])

    return one_by_one(change)
