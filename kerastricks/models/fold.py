"""Batch norms folded into the convolutions before them, for inference.

    gamma * (x * K + b - mean) / s + beta
        = x * (K * gamma / s) + (b - mean) * gamma / s + beta
    where s = sqrt(variance + epsilon)

One layer instead of two, and one pass over the activations less. It holds for
the moving statistics only: a folded network cannot be trained any more. Acts
on: exports. Cost: less. Hurts: nothing else.
"""

import collections
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.layers import FusedBatchNorm
from kerastricks.models.fuse import copy_with, is_graph, plain

# Exactly these: a subclass may do something else with its kernel.
LINEAR = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)
NORMS = (keras.layers.BatchNormalization, FusedBatchNorm)


def fold_batch_norms(model: keras.Model) -> keras.Model:
    """The same network for inference, with fewer layers.

    A convolution or dense layer that a batch norm follows directly becomes one
    layer with a bias and keeps its name; the batch norm goes. Where that does
    not give the same numbers (an activation between the two, a layer called
    more than once, an output that something else needs too) both stay.
    Networks nested in the model are folded as well.

    Example:
        faster = fold_batch_norms(model)
    """
    walk = Walk()
    if is_graph(model):
        walk.network(model)
    norm_after = walk.pairs()
    folded = set(norm_after.values())

    def exchange(layer: Any) -> tuple[Any, list[Any]] | None:
        if layer in folded:
            return None, []
        if layer in norm_after:
            return with_bias(layer), folded_weights(layer, norm_after[layer])
        return None

    return copy_with(model, exchange)


def with_bias(layer: keras.layers.Layer) -> keras.layers.Layer:
    return type(layer).from_config({**layer.get_config(), "use_bias": True})


def folded_weights(layer: Any, norm: Any) -> list[np.ndarray]:
    """Kernels and bias that do the work of both."""
    weights = [weight.astype(np.float64) for weight in layer.get_weights()]
    bias = weights.pop() if layer.use_bias else 0.0
    *earlier, kernel = weights
    gamma = float64(norm.gamma) if norm.scale else 1.0
    beta = float64(norm.beta) if norm.center else 0.0
    scale = gamma / np.sqrt(float64(norm.moving_variance) + norm.epsilon)
    shift = (bias - float64(norm.moving_mean)) * scale + beta
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        # [height, width, channels, multiplier]: outputs are the last two.
        scale = scale.reshape(kernel.shape[-2:])
    return [*earlier, kernel * scale, shift]


def float64(weight: Any) -> np.ndarray:
    return ops.convert_to_numpy(weight).astype(np.float64)


class Walk:
    """Which foldable layers a batch norm follows, and how often each is called.

    Attributes:
        calls: of each layer, in the model and all that are nested in it.
        made_by: the layer that a tensor comes from.
        uses: of each tensor, as an input of a layer or output of a network.
        neighbours: (layer, batch norm, the tensor between them).
    """

    def __init__(self) -> None:
        self.calls: collections.Counter[Any] = collections.Counter()
        self.made_by: dict[Any, Any] = {}
        self.uses: collections.Counter[Any] = collections.Counter()
        self.neighbours: list[tuple[Any, Any, Any]] = []

    def network(self, model: keras.Model) -> None:
        """Walks a graph, and those that are nested in it, once each."""
        # With the very same layers: it is Keras's public way to walk a graph.
        walked = keras.models.clone_model(
            plain(model),
            clone_function=lambda layer: layer,
            call_function=self.call,
        )
        self.uses.update(keras.tree.flatten(walked.output))

    def call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer and notes what there is to know."""
        self.calls[layer] += 1
        if is_graph(layer) and self.calls[layer] == 1:
            self.network(layer)
        inputs = [
            x
            for x in keras.tree.flatten((args, kwargs))
            if isinstance(x, keras.KerasTensor)
        ]
        self.uses.update(inputs)
        if inputs and can_fold(self.made_by.get(inputs[0]), layer, kwargs):
            self.neighbours.append((self.made_by[inputs[0]], layer, inputs[0]))
        output = layer(*args, **kwargs)
        self.made_by.update(dict.fromkeys(keras.tree.flatten(output), layer))
        return output

    def pairs(self) -> dict[Any, Any]:
        """The batch norm to fold, by the layer to fold it into."""
        return {
            layer: norm
            for layer, norm, between in self.neighbours
            if self.uses[between] == 1
            and self.calls[layer] == self.calls[norm] == 1
        }


def can_fold(layer: Any, norm: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the two, one after the other, are one linear map."""
    if type(layer) not in LINEAR or type(norm) not in NORMS:
        return False
    channels_first = getattr(layer, "data_format", "") == "channels_first"
    rank = norm.input_spec.ndim
    return (
        layer.activation is keras.activations.linear
        and norm.axis % rank == (1 if channels_first else rank - 1)
        and layer.compute_dtype == norm.compute_dtype
        and not kwargs.get("training")  # by the batch also in inference
        and not getattr(layer, "quantization_mode", None)
        and not getattr(layer, "lora_enabled", False)
    )
