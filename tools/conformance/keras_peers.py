"""Keras's own layers as a contestant."""

from typing import Any

import keras
import tensorflow as tf

from conformance.adaptor import Adaptor, Contestant
from conformance.keras_ways import (
    on_batch,
    on_images,
    op_by_op,
    padded,
    tensorflow_crop,
)

layers = keras.layers


def versions() -> dict[str, str]:
    return {"keras": keras.__version__, "tensorflow": tf.__version__}


def seed() -> None:
    keras.utils.set_random_seed(0)


def adaptor(setting: str, way: Any = on_images) -> Adaptor:
    """What a user would write, made by Python itself."""
    return Adaptor(setting, lambda: way(eval(setting, vars(layers).copy())))


# A saturation of s means s / (1 - s) times: .375 is .6 and .5833 is 1.4.
SATURATION = "(0.375, 0.5833)"
CONTESTANT: Contestant = {
    "mixup": adaptor("MixUp(alpha=0.2)", on_batch),
    "cutmix": adaptor("CutMix(factor=1.0)", on_batch),
    "cutmix: factor (1, 1)": adaptor("CutMix(factor=(1.0, 1.0))", on_batch),
    "cutmix in float16": adaptor("CutMix(dtype='mixed_float16')", on_batch),
    "cutmix in float16: op by op": adaptor(
        "CutMix(dtype='mixed_float16')", op_by_op
    ),
    "random erasing": adaptor("RandomErasing(0.5)"),
    "random erasing: factor (.5, .5)": adaptor("RandomErasing((0.5, 0.5))"),
    "brightness": adaptor("RandomColorJitter(brightness_factor=0.4)"),
    "contrast": adaptor("RandomColorJitter(contrast_factor=0.4)"),
    "contrast: factor (.4, .4)": adaptor("RandomContrast((0.4, 0.4))"),
    "saturation": adaptor(f"RandomColorJitter(saturation_factor={SATURATION})"),
    "saturation: factor .4": adaptor("RandomColorJitter(saturation_factor=.4)"),
    "hue": adaptor("RandomColorJitter(hue_factor=0.1)"),
    "order": adaptor(
        "RandomColorJitter(brightness_factor=0.8, contrast_factor=(0.8, 0.8))"
    ),
    "grayscale": adaptor("RandomGrayscale(0.2)"),
    "normalize": Adaptor(
        "Rescaling(1 / 255), then Normalization(mean, variance)",
        lambda: on_images(
            keras.Sequential(
                [
                    layers.Rescaling(1 / 255),
                    layers.Normalization(
                        mean=[0.485, 0.456, 0.406],
                        variance=[0.229**2, 0.224**2, 0.225**2],
                    ),
                ]
            )
        ),
    ),
    "flip": adaptor("RandomFlip('horizontal')"),
    "alternating flip": adaptor("RandomFlip('horizontal')"),
    "translate": adaptor("RandomCrop(32, 32)", padded),
    "translate: RandomTranslation": adaptor(
        "RandomTranslation(4 / 32, 4 / 32)"
    ),
    "blur": adaptor(
        "RandomGaussianBlur((0.5, 0.5), kernel_size=23, sigma=(0.1, 2.0))"
    ),
    "crop: TensorFlow's own": Adaptor(
        "tf.image.sample_distorted_bounding_box", tensorflow_crop
    ),
}
