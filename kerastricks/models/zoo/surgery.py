"""What is taken out of a model's graph: preprocessing, and sized pads."""

import warnings
from typing import Any

import keras
from keras import layers

from kerastricks.models.zoo.normalization import of_layers

PREPROCESSING = (layers.Rescaling, layers.Normalization)


def without_preprocessing(model: keras.Model) -> keras.Model:
    """The same model, same weights, from normalised images of any size.

    Keras pads by hand before some convolutions of stride 2, by an amount that
    follows from the size of the image: it is what "same" pads at every size,
    and then without a pass of its own over the memory.
    """
    pads = {
        id(layer.output): layer
        for layer in model.layers
        if isinstance(layer, layers.ZeroPadding2D)
        and layer.padding[0][0] < layer.padding[0][1]
    }
    strided = {layer for layer in model.layers if id(layer.input) in pads}
    gone = {pads[id(layer.input)].name for layer in strided}

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if layer in strided:
            config["padding"] = "same"
        return type(layer).from_config(config)

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, PREPROCESSING) or layer.name in gone:
            return args[0]
        return layer(*args, **kwargs)

    made = keras.models.clone_model(
        model, clone_function=clone, call_function=call
    )
    # By name: a shorter way through the graph may change the layers' order.
    for layer in made.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    return made


def behind_preprocessing(model: keras.Model) -> keras.Model:
    """The graph behind its own normalisation, if it has one."""
    for inner in filter(is_graph, model.layers):
        again = first_layers(graph(inner))
        if again:
            warnings.warn(
                "images come normalised, and the model within this one "
                "normalises again: build it without. Received: "
                f"layers {names(again)} of {inner.name}",
                stacklevel=3,
            )
    found = first_layers(model)
    if not found:
        return model
    warnings.warn(
        "images come normalised, so the model's own layers for that are taken "
        "off; if its weights were trained with them, use "
        f"--normalize={of_layers(found)}. Received: layers {names(found)}",
        stacklevel=3,
    )
    return keras.Model(found[-1].output, model.outputs[0], name=model.name)


def first_layers(model: keras.Model) -> list[keras.Layer]:
    """The layers that rescale or normalise the input."""
    tensor, found = model.inputs[0], []
    while isinstance(taker := taker_of(model, tensor), PREPROCESSING):
        found.append(taker)
        tensor = taker.output
    return found


def is_graph(layer: Any) -> bool:
    """Whether a layer is a model with a graph of its own, in and out once."""
    return isinstance(layer, keras.Model) and all(
        len(getattr(layer, ends, None) or []) == 1
        for ends in ("inputs", "outputs")
    )


def graph(model: keras.Model) -> keras.Model:
    """The graph of a functional or Sequential model, with its layers."""
    return keras.Model(model.inputs[0], model.outputs[0])


def names(found: list[keras.Layer]) -> str:
    return ", ".join(layer.name for layer in found)


def taker_of(model: keras.Model, tensor: Any) -> Any:
    """The operation that a tensor goes into, if it is the only one."""
    takers = [
        operation
        for operation in model.operations
        if end_of(operation, "input") is tensor
        and not isinstance(operation, layers.InputLayer)
    ]
    return takers[0] if len(takers) == 1 else None


def maker_of(model: keras.Model, tensor: Any) -> Any:
    """The operation that a tensor comes out of."""
    for operation in reversed(model.operations):
        if end_of(operation, "output") is tensor:
            return operation
    return None


def end_of(operation: Any, side: str) -> Any:
    """What goes in or comes out; None of what is used more than once."""
    try:
        return getattr(operation, side)
    except (AttributeError, ValueError):
        return None
