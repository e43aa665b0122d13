"""The batch stage by keras.layers and by keras-cv, on TensorFlow.

Run by augment.py. Each is written as its users write it, on batches inside
`tf.function`; once more with XLA, for what it compiles. MixUp and CutMix draw
from a gamma distribution, which it does not.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from augment_ours import one_hot_labels, random_images
from turns import Made, Maker, Settings, serve

from kerastricks.augment import Normalize

Tensor = Any
MEAN, STD = (tf.constant(each) for each in (Normalize().mean, Normalize().std))


def keras_layers() -> tuple[str, list[Any], list[Any]]:
    """(about, layers in turn, layers that take turns)."""
    layers = keras.layers
    chain = [
        layers.RandomFlip("horizontal"),
        layers.RandomColorJitter(
            brightness_factor=0.4,
            contrast_factor=0.4,
            saturation_factor=0.4,
            hue_factor=0.1,
        ),
        layers.RandomGrayscale(0.1),
        layers.Normalization(mean=Normalize().mean, variance=STD.numpy() ** 2),
        # A single number would be the upper bound of a random rate.
        layers.RandomErasing((0.25, 0.25), fill_value=0.0),
    ]
    mixers = [layers.MixUp(0.2), layers.CutMix((1.0, 1.0))]
    return "no PCA noise", chain, mixers


def keras_cv_layers() -> tuple[str, list[Any], list[Any]]:
    """The same by keras-cv."""
    import keras_cv

    layers = keras_cv.layers
    chain = [
        layers.RandomFlip("horizontal"),
        layers.RandomColorJitter((0, 255), 0.4, 0.4, 0.4, 0.1),
        layers.RandomApply(layers.Grayscale(output_channels=3), rate=0.1),
        layers.Rescaling(1 / STD, -MEAN / STD),
        layers.RandomCutout(0.25, 0.25),
    ]
    mixers = [layers.MixUp(0.2), layers.CutMix(1.0)]
    about = "no PCA noise; RandomCutout on every image for RandomErasing"
    return about, chain, mixers


def contestant(
    layers: Callable[[], tuple[str, list[Any], list[Any]]], compiled: bool
) -> Maker:
    """Batches through layers in tf.function, MixUp and CutMix by turns."""

    def make(settings: Settings) -> Made:
        lacking, chain, mixers = layers()
        images = tf.constant(random_images(settings.batch, settings.size))
        labels = tf.constant(one_hot_labels(settings.batch))
        in_turn(chain, images)  # some make their weights only now
        change = tf.function(
            functools.partial(in_turn, chain), jit_compile=compiled
        )
        mixes = [
            tf.function(functools.partial(mixer, training=True))
            for mixer in mixers
        ]

        def sizes() -> Iterator[int]:
            for mix in itertools.cycle(mixes):
                mixed = mix({"images": change(images), "labels": labels})
                yield int(mixed["labels"].shape[0])

        names = ", ".join(type(each).__name__ for each in [*chain, *mixers])
        how = "tf.function, XLA but for mixing" if compiled else "tf.function"
        return f"{names}; {lacking}; {how}, float32", sizes()

    return make


def in_turn(layers: list[Any], images: Tensor) -> Tensor:
    """uint8 images through layers."""
    images = tf.cast(images, tf.float32)
    for layer in layers:
        images = layer(images, training=True)
    return images


MAKERS = {
    "stage/keras": contestant(keras_layers, compiled=False),
    "stage/keras-xla": contestant(keras_layers, compiled=True),
    "stage/keras_cv": contestant(keras_cv_layers, compiled=False),
    "stage/keras_cv-xla": contestant(keras_cv_layers, compiled=True),
}

if __name__ == "__main__":
    serve(MAKERS, ["tensorflow", "keras", "keras_cv"])
