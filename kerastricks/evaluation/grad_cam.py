"""Where in an image a network sees a class.

    map = relu(sum_k a_k A_k) / max,   a_k = mean over places of d z_c / d A_k

A: the features [h, w, K] before the pooling; z_c: the logit of class c.
Paper: Selvaraju et al. 2016, Grad-CAM (1610.02391).
Acts on: a finished network of convolutions, one whose graph can be seen.
Cost: a forward pass, and a backward pass of what comes behind the features.
Hurts: as coarse as the features, 7 x 7 at 224 pixels; says where, not why. All
zero where nothing speaks for the class.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.backend import value_and_gradients

CHUNK = 16  # images at a time


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray,
    layer: str | None = None,
) -> np.ndarray:
    """float32 [N, h, w] in [0, 1]: of each image and one class of it.

    Args:
        model: gives logits [N, C].
        images: as the model takes them, float [N, H, W, 3].
        classes: int [N].
        layer: whose output [h, w, K] is looked at; None: the last one's.

    Example:
        maps = grad_cam(model, images, logits.argmax(axis=1))
    """
    images, classes = np.asarray(images), np.asarray(classes)
    if images.ndim != 4 or classes.shape != images.shape[:1]:
        raise ValueError(
            "images must be [N, H, W, C] and classes [N]. Received: "
            f"images.shape={images.shape}, classes.shape={classes.shape}"
        )
    body, head = divided(model, layer)
    features = body.predict(images, batch_size=CHUNK, verbose=0)
    parts = [
        maps(head, features[i : i + CHUNK], classes[i : i + CHUNK])
        for i in range(0, len(images), CHUNK)
    ]
    return np.concatenate(parts)


def maps(head: keras.Model, given: Any, classes: np.ndarray) -> np.ndarray:
    """The maps [N, h, w] of features [N, h, w, K]."""
    features = ops.convert_to_tensor(given)

    def score(values: list[Any]) -> tuple[Any, Any]:
        logits = head(values[0], training=False)
        wanted = ops.one_hot(classes, logits.shape[-1], dtype=logits.dtype)
        return ops.sum(logits * wanted), logits

    _, (gradients,) = value_and_gradients(score, [features])
    weights = ops.mean(gradients, axis=(1, 2), keepdims=True)
    speaks = ops.relu(ops.sum(weights * features, axis=-1))
    found = ops.convert_to_numpy(ops.cast(speaks, "float32"))
    highest = found.max(axis=(1, 2), keepdims=True)
    return np.divide(
        found, highest, out=np.zeros_like(found), where=highest > 0
    )


def divided(
    model: keras.Model, layer: str | None
) -> tuple[keras.Model, keras.Model]:
    """(images to features, features to logits)."""
    for tensor in candidates(model, layer):
        try:
            return (
                keras.Model(model.inputs[0], tensor),
                keras.Model(tensor, model.outputs[0]),
            )
        except ValueError:  # the logits do not come from these alone
            continue
    raise ValueError(
        "Grad-CAM needs features [N, h, w, K] that all of the logits come "
        "from, in a model whose graph can be seen. "
        f"Received: model={model.name}, layer={layer}"
    )


def candidates(model: keras.Model, layer: str | None) -> list[Any]:
    """Feature maps, the last first."""
    if not getattr(model, "inputs", None):
        return []
    graph = keras.Model(model.inputs[0], model.outputs[0])
    made = reversed(graph.operations)
    tensors = map(output_of, [model.get_layer(layer)] if layer else made)
    return [
        tensor
        for tensor in tensors
        if len(getattr(tensor, "shape", ())) == 4
        and tensor is not model.inputs[0]
        and 1 not in tensor.shape[1:3]  # pooled already
    ]


def output_of(operation: Any) -> Any:
    """None of what is used more than once, or has several."""
    try:
        return operation.output
    except (AttributeError, ValueError):
        return None
