"""keras-cv's layers as a contestant."""

from collections.abc import Callable
from typing import Any

import keras_cv
import numpy as np

from conformance import keras_peers, keras_ways
from conformance.adaptor import Adaptor, Apply, Contestant

layers = keras_cv.layers


def versions() -> dict[str, str]:
    return {"keras-cv": keras_cv.__version__, **keras_peers.versions()}


seed: Callable[[], None] = keras_peers.seed


def from_01(layer: Any) -> Apply:
    """Its saturation wants values on 0..1."""
    apply = keras_ways.on_images(layer)

    def scaled(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return apply(images / 255, labels)[0] * 255, labels

    return scaled


def adaptor(setting: str, way: Any = keras_ways.on_images) -> Adaptor:
    """What a user would write, made by Python itself."""
    names = {name: getattr(layers, name) for name in dir(layers)}
    return Adaptor(setting, lambda: way(eval(setting, names)))


BATCH = keras_ways.on_batch
CONTESTANT: Contestant = {
    "mixup": adaptor("MixUp(alpha=0.2)", BATCH),
    "cutmix": adaptor("CutMix(alpha=1.0)", BATCH),
    "cutmix in float16": adaptor("CutMix(dtype='mixed_float16')", BATCH),
    "cutout": adaptor("RandomCutout((0.5, 0.5), (0.5, 0.5))"),
    "cutout: factor .5": adaptor("RandomCutout(0.5, 0.5)"),
    "grid mask": adaptor("GridMask()"),
    "brightness": adaptor("RandomBrightness(0.4)"),
    "contrast": adaptor("RandomContrast(factor=0.4, value_range=(0, 255))"),
    "saturation": adaptor(
        f"RandomSaturation({keras_peers.SATURATION})", from_01
    ),
    "hue": adaptor("RandomHue(0.1, value_range=(0, 255))"),
    "grayscale": adaptor("Grayscale(output_channels=3)"),
    "flip": adaptor("RandomFlip('horizontal')"),
    "alternating flip": adaptor("RandomFlip('horizontal')"),
    "translate": adaptor("RandomCrop(32, 32)", keras_ways.padded),
    "blur": adaptor("RandomGaussianBlur(23, (0.1, 2.0))"),
    "crop": adaptor(
        "RandomCropAndResize((64, 64), (0.08, 1.0), (3 / 4, 4 / 3))"
    ),
}
