"""keras-cv's layers as a contestant."""

from collections.abc import Callable
from typing import Any

import keras_cv
import numpy as np
import tensorflow as tf

from conformance import keras_peers
from conformance.adaptor import Adaptor, Apply, Contestant

layers = keras_cv.layers


def versions() -> dict[str, str]:
    return {"keras-cv": keras_cv.__version__, **keras_peers.versions()}


seed: Callable[[], None] = keras_peers.seed


def from_01(layer: Any) -> Apply:
    """Its saturation wants values on 0..1."""
    apply = keras_peers.on_images(layer)

    def scaled(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return apply(images / 255, labels)[0] * 255, labels

    return scaled


def adaptor(setting: str, way: Any = keras_peers.on_images) -> Adaptor:
    """What a user would write, made by Python itself."""
    names = {name: getattr(layers, name) for name in dir(layers)}
    return Adaptor(setting, lambda: way(eval(setting, names)))


def tensorflow_crop() -> Apply:
    """TensorFlow's sample_distorted_bounding_box, with a crop's usual ranges."""
    from conformance.adaptor import one_by_one
    from conformance.laws_place import sampled

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


BATCH = keras_peers.on_batch
CONTESTANT: Contestant = {
    "mixup": adaptor("MixUp(alpha=0.2)", BATCH),
    "cutmix": adaptor("CutMix(alpha=1.0)", BATCH),
    "cutmix in float16": adaptor("CutMix(1.0, dtype='float16')", BATCH),
    "cutout": adaptor("RandomCutout((0.5, 0.5), (0.5, 0.5))"),
    "cutout: factor .5": adaptor("RandomCutout(0.5, 0.5)"),
    "grid mask": adaptor("GridMask()"),
    "brightness": adaptor("RandomBrightness(0.4)"),
    "contrast": adaptor("RandomContrast(0.4, value_range=(0, 255))"),
    "saturation": adaptor(
        f"RandomSaturation({keras_peers.SATURATION})", from_01
    ),
    "hue": adaptor("RandomHue(0.1, value_range=(0, 255))"),
    "grayscale": adaptor("Grayscale(output_channels=3)"),
    "flip": adaptor("RandomFlip('horizontal')"),
    "alternating flip": adaptor("RandomFlip('horizontal')"),
    "translate": adaptor("RandomCrop(32, 32)", keras_peers.padded),
    "blur": adaptor("RandomGaussianBlur(23, (0.1, 2.0))"),
    "crop": adaptor(
        "RandomCropAndResize((64, 64), (0.08, 1.0), (3 / 4, 4 / 3))"
    ),
    "crop: TensorFlow": Adaptor(
        "tf.image.sample_distorted_bounding_box", tensorflow_crop
    ),
}
