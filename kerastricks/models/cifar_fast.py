"""A network of 94% on CIFAR-10 in seconds: airbench94's.

A whitening convolution, three groups of (convolution, pool, batch norm, GELU,
convolution, batch norm, GELU), a last pool, logits divided by 9. Convolutions
start as the identity of their inputs, batch norm has no scale. Source:
airbench, arXiv 2404.00498. Acts on: the network. Cost: 5,000 training images
are read for the whitening. Hurts: long runs, which larger networks make more
of.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerastricks.layers import FusedBatchNorm
from kerastricks.layers.whitening import PATCH, WhiteningConv2D
from kerastricks.models.parts import Parts

WIDTHS = (64, 256, 256)
MOMENTUM = 0.6  # of batch norm; a run is only some hundred steps long
EPSILON = 1e-12
LOGIT_SCALE = 1 / 9


@keras.saving.register_keras_serializable("kerastricks")
class Dirac(keras.initializers.Initializer):
    """The identity of the inputs, then torch's default for what is left.

    torch: kaiming_uniform_(a=sqrt(5)), uniform within 1 / sqrt(fan in).
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        height, width, inputs, outputs = shape
        limit = 1 / np.sqrt(height * width * inputs)
        kernel = np.random.RandomState(self.seed).uniform(-limit, limit, shape)
        for channel in range(min(inputs, outputs)):
            kernel[..., channel] = 0
            kernel[height // 2, width // 2, channel, channel] = 1
        return ops.convert_to_tensor(kernel, dtype or "float32")

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


def cifar_fast(
    *,
    num_classes: int = 10,
    width: float = 1.0,
    seed: int = 0,
    dtype: Any = None,
    name: str | None = None,
) -> keras.Model:
    """airbench94's network, for images of 32 pixels.

    `whiten` has to see some of the training images before the first step.

    Example:
        model = cifar_fast()
        model.get_layer("whiten").kernel.assign(whitening_kernel(images))
    """
    make = Parts(width=width, seed=seed, dtype=dtype, activation="gelu")
    images = keras.Input((None, None, 3), name="images")
    x = WhiteningConv2D(
        2 * PATCH * PATCH * 3,
        PATCH,
        kernel_initializer=make.initializer("whiten"),
        dtype=dtype,
        name="whiten",
    )(images)
    x = make.act(x, "whiten")
    for number, channels in enumerate(WIDTHS, 1):
        x = group(make, x, f"group{number}", make.channels(channels))
    # Of the 3x3 that 32 pixels leave; any size will do.
    x = layers.GlobalMaxPooling2D(dtype="float32", name="pool")(x)
    x = layers.Dense(
        num_classes,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(
            1 / 3, "fan_in", "uniform", make.seed_of("head")
        ),
        dtype="float32",
        name="head",
    )(x)
    x = layers.Rescaling(LOGIT_SCALE, dtype="float32", name="scale")(x)
    return keras.Model(images, x, name=name)


def group(make: Parts, x: Any, name: str, channels: int) -> Any:
    """Two convolutions at half the size."""
    x = convolution(make, x, f"{name}_1", channels)
    x = layers.MaxPooling2D(2, dtype=make.dtype, name=f"{name}_pool")(x)
    x = make.act(norm(make, x, f"{name}_1"), f"{name}_1")
    x = convolution(make, x, f"{name}_2", channels)
    return make.act(norm(make, x, f"{name}_2"), f"{name}_2")


def convolution(make: Parts, x: Any, name: str, channels: int) -> Any:
    return layers.Conv2D(
        channels,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=Dirac(make.seed_of(name)),
        dtype=make.dtype,
        name=f"{name}_conv",
    )(x)


def norm(make: Parts, x: Any, name: str) -> Any:
    return FusedBatchNorm(
        scale=False,
        momentum=MOMENTUM,
        epsilon=EPSILON,
        dtype=make.dtype,
        name=f"{name}_bn",
    )(x)
