"""FLOPs as the papers count them: one multiply-add is one.

Convolutions and dense layers count; batch norm, activations and pooling are
below 1% and are left out, as in the tables of the literature.
"""

import math
from typing import Any

import keras

from kerastricks.layers import SqueezeExcite


def count_flops(model: keras.Model, image_size: int) -> int:
    """Multiply-adds of one image through the model."""
    total = 0

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal total
        output = layer(*args, **kwargs)
        total += multiply_adds(layer, output.shape)
        return output

    # Cloning with the very same layers is Keras's public way to walk a graph
    # at another image size; it takes no Sequential.
    keras.models.clone_model(
        keras.Model(model.inputs[0], model.outputs[0]),
        input_tensors=keras.Input(
            (image_size, image_size, model.input_shape[-1])
        ),
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return total


def multiply_adds(layer: Any, output_shape: tuple[int | None, ...]) -> int:
    """Kernel entries used per output place, times the places."""
    if isinstance(layer, SqueezeExcite):
        return sum(
            math.prod(dense.kernel.shape)
            for dense in (layer.reduce, layer.expand)
        )
    places = math.prod(side or 1 for side in output_shape[1:-1])
    if isinstance(layer, keras.layers.SeparableConv2D):
        kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
        return places * sum(math.prod(kernel.shape) for kernel in kernels)
    if not isinstance(
        layer,
        keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.Dense,
    ):
        return 0
    return places * math.prod(layer.kernel.shape)
