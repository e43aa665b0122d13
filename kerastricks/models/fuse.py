"""Batch norms of whole networks: fast ones and frozen ones.

Here too: a network's copy with other layers in it, which folding needs as well.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from kerastricks.layers import FusedBatchNorm

Exchange = Callable[[keras.layers.Layer], tuple[Any, list[Any]] | None]


def fuse_batch_norms(model: keras.Model) -> keras.Model:
    """The same network with the fast batch norm, also in nested networks.

    What else a layer is set up to do stays, and so do weights and names. The
    copy shares no weights with the model and is not compiled. Subclasses of
    Keras's layer and layers inside other layers stay what they are.

    Example:
        model = fuse_batch_norms(keras.applications.MobileNet(weights=None))
    """
    return copy_with(model, fused)


def fused(
    layer: keras.layers.Layer,
) -> tuple[keras.layers.Layer, list[Any]] | None:
    """Ours for one of Keras's own."""
    if type(layer) is not keras.layers.BatchNormalization:
        return None
    return FusedBatchNorm.from_config(layer.get_config()), layer.get_weights()


def freeze_batch_norms(model: keras.Model) -> int:
    """Stops every batch norm, wherever it is; gives how many there are.

    Statistics, gamma and beta stand still, and training normalises by the
    moving statistics. Compile the model afterwards, not before.
    """
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in norms:
        layer.trainable = False
    return len(norms)


def is_graph(model: Any) -> bool:
    """Whether it is a built Functional or Sequential model."""
    # Subclassed models have no inputs that are known beforehand.
    return isinstance(model, keras.Model) and bool(
        getattr(model, "inputs", None)
    )


def sides_of(model: Any) -> tuple[int | None, ...]:
    """Height and width that a network needs; None: any."""
    return model.inputs[0].shape[1:3] if is_graph(model) else (None, None)


def plain(model: keras.Model) -> keras.Model:
    """The same layers as a Functional model that is not compiled.

    Keras walks no Sequential, and it compiles the copy of a compiled model,
    which fails where the loss is not one of its own.
    """
    if isinstance(model, keras.Sequential):  # has no .input unless called
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return keras.Model(model.input, model.output, name=model.name)


def copy_with(model: keras.Model, exchange: Exchange) -> keras.Model:
    """A copy with other layers.

    Args:
        exchange: for a layer, the one to have instead and its weights; None
            to have the same; (None, []) to do without.
    """
    if not is_graph(model):
        raise ValueError(
            "The model must be Functional or Sequential, and built. "
            f"Received: model={model}"
        )
    copier = Copier(exchange)
    found = copier.network(model)
    copier.fill()
    return found


@dataclasses.dataclass
class Copier:
    """Copies each layer once, however often it is called."""

    exchange: Exchange
    copies: dict[Any, Any] = dataclasses.field(default_factory=dict)
    weights: dict[Any, list[Any]] = dataclasses.field(default_factory=dict)

    def network(self, model: keras.Model) -> keras.Model:
        if isinstance(model, keras.Sequential):
            x = model.inputs[0]
            first = keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name)
            layers = [first, *map(self.layer, model.layers)]
            found = keras.Sequential(
                [layer for layer in layers if layer is not None],
                name=model.name,
            )
        else:
            found = keras.models.clone_model(
                plain(model),
                clone_function=self.layer,
                call_function=call,
            )
        self.copies[model] = found
        return found

    def layer(self, layer: Any) -> Any:
        """The layer that stands for this one; None for none."""
        if layer in self.copies:
            return self.copies[layer]
        if is_graph(layer):
            return self.network(layer)
        if not isinstance(layer, keras.layers.Layer) or isinstance(
            layer, keras.Model
        ):
            return layer  # x + y and the like; models that are Python code
        exchanged = self.exchange(layer)
        new, weights = exchanged or (again(layer), layer.get_weights())
        self.copies[layer], self.weights[layer] = new, weights
        return new

    def fill(self) -> None:
        """Gives the copies, built by now, what the config does not have."""
        # A network sets `trainable` of its layers, so it comes before them.
        for layer, new in reversed(self.copies.items()):
            if new is not None:
                new.trainable = layer.trainable
        for layer, weights in self.weights.items():
            new = self.copies[layer]
            if new is not None:
                new.set_weights(weights)
            if isinstance(new, keras.layers.Normalization):
                new.finalize_state()  # its weights are not what it computes by


def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    """The layer's output; the input itself where the layer is no more."""
    if layer is None:
        return keras.tree.flatten((args, kwargs))[0]
    return layer(*args, **kwargs)


def again(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A layer of the same settings."""
    if isinstance(layer, keras.layers.Lambda):
        # Its code is in this process already: there is nothing to distrust.
        return type(layer).from_config(layer.get_config(), safe_mode=False)
    return type(layer).from_config(layer.get_config())
