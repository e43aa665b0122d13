"""Any Keras model as one that gives float32 logits."""

from typing import Any

import keras
import numpy as np
from keras import layers

from kerastricks.errors import InputError
from kerastricks.models.zoo.surgery import (
    behind_preprocessing,
    graph,
    is_graph,
    maker_of,
)

POOLS = {3: layers.GlobalAveragePooling1D, 4: layers.GlobalAveragePooling2D}
POOLING = (
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
)
RESHAPING = (layers.Dropout, layers.Flatten, layers.Reshape)
CLASSIFIERS = (layers.Dense, layers.Conv2D)
PROBABILITIES = (keras.activations.softmax, keras.activations.sigmoid)


def logits_of(
    model: keras.Model,
    num_classes: int,
    name: str | None = None,
    *,
    seed: int = 0,
) -> keras.Model:
    """A model from normalised images to float32 logits [B, num_classes].

    A softmax or sigmoid at the end is taken off. Features, [B, H, W, C],
    [B, T, C] or pooled, are averaged and get a Dense layer, named `head`.
    Rescaling and Normalization at the beginning are taken off with a warning
    that says what replaces them. Layers are shared with the given model, but
    for a classifier that had to be made anew.

    Args:
        seed: of the head that features get.

    Example:
        model = logits_of(my_keras_model, num_classes=10)
    """
    whole = functional(model)
    output = open_end(whole, num_classes, seed)
    if tuple(output.shape[1:]) != (num_classes,):
        raise InputError(
            "the model must give [batch, num_classes] or features [batch, "
            "height, width, channels] (keras.applications: include_top=False). "
            f"Received: num_classes={num_classes}, "
            f"output of shape {tuple(output.shape)}"
        )
    name = name or model.name
    # The end first: what lies behind the preprocessing is called anew, and of
    # layers that are called twice the graph tells less.
    return behind_preprocessing(keras.Model(whole.inputs[0], output, name=name))


def functional(model: keras.Model) -> keras.Model:
    """One whose graph can be seen; a subclass of Model becomes one layer."""
    inputs = getattr(model, "inputs", None)
    if isinstance(model, keras.Sequential) and not inputs:
        raise InputError(
            "a Sequential model must begin with keras.Input. Received: "
            f"model={model.name}"
        )
    if inputs:
        outputs = model.outputs
    else:
        inputs = [keras.Input((None, None, 3), name="images")]
        outputs = keras.tree.flatten(model(inputs[0]))
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            "a classifier must have one input and one output. Received: "
            f"{len(inputs)} and {len(outputs)}, model={model.name}"
        )
    return keras.Model(inputs[0], outputs[0])


def open_end(model: keras.Model, num_classes: int, seed: int) -> Any:
    """Float32 logits of a graph."""
    output = model.outputs[0]
    last = maker_of(model, output)
    if len(output.shape) in POOLS:
        pool = POOLS[len(output.shape)](dtype="float32", name="pool")
        return head(pool(output), num_classes, seed)
    if is_graph(last):
        inner = graph(last)
        opened = open_end(inner, num_classes, seed)
        return keras.Model(inner.inputs[0], opened, name=last.name)(last.input)
    if isinstance(last, POOLING):
        return head(output, num_classes, seed)
    end = ending(model)
    if not end:
        refuse_probabilities(model)
        if output.dtype == "float32":
            return output
        return layers.Activation("linear", dtype="float32")(output)
    if all(map(is_logit_layer, end)):
        return output
    logits = end[0].input
    for layer in end:
        if not gives_probabilities(layer):
            logits = remade(layer, logits)
    return logits


def head(features: Any, num_classes: int, seed: int) -> Any:
    """Logits of pooled features."""
    return layers.Dense(
        num_classes,
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        dtype="float32",
        name="head",
    )(features)


def ending(model: keras.Model) -> list[Any]:
    """The last operations of a graph, from the pooling before a classifier."""
    found: list[Any] = []
    tensor, classified = model.outputs[0], False
    while (last := maker_of(model, tensor)) is not None:
        if isinstance(last, CLASSIFIERS) and not classified:
            classified = True
        elif gives_probabilities(last):
            if classified:
                break
        elif not isinstance(last, POOLING + RESHAPING):
            break
        found.insert(0, last)
        tensor = last.input
    return found


def gives_probabilities(operation: Any) -> bool:
    """Whether all that it does is a softmax, a sigmoid or nothing."""
    if isinstance(operation, layers.Activation):
        return operation.activation in (
            *PROBABILITIES,
            keras.activations.linear,
        )
    if isinstance(operation, layers.Layer):
        return isinstance(operation, layers.Softmax)
    return type(operation).__name__ in ("Softmax", "Sigmoid")  # of keras.ops


def is_logit_layer(operation: Any) -> bool:
    """Whether it can stay at the end as it is."""
    return (
        not gives_probabilities(operation)
        and operation.compute_dtype == "float32"
        and getattr(operation, "activation", None) not in PROBABILITIES
    )


def remade(layer: keras.Layer, inputs: Any) -> Any:
    """The layer's output in float32, before any softmax."""
    config = layer.get_config() | {"dtype": "float32"}
    if getattr(layer, "activation", None) in PROBABILITIES:
        config["activation"] = "linear"
    made = type(layer).from_config(config)
    output = made(inputs)
    made.set_weights(layer.get_weights())
    return output


def refuse_probabilities(model: keras.Model) -> None:
    """Of a model that cannot be looked into, by trying it out."""
    sides = [side or 224 for side in model.input_shape[1:3]]
    images = np.random.RandomState(0).normal(size=(2, *sides, 3))
    outputs = keras.ops.convert_to_numpy(
        model(images.astype("float32"), training=False)
    ).astype("float32")
    if (outputs >= 0).all() and np.allclose(outputs.sum(-1), 1, atol=1e-2):
        raise InputError(
            "the model must give logits, not probabilities; build it without "
            f"its softmax. Received: outputs between {outputs.min():.2g} and "
            f"{outputs.max():.2g} that add up to 1, model={model.name}"
        )
