"""A SavedModel that takes pictures as they come and names what is on them.

    serving_default  images       uint8 [N, H, W, 3], any size
    serve_bytes      image_bytes  string [N], encoded JPEG, PNG, GIF, BMP, WebP

Both resize, cut out the centre and normalise, by the functions that evaluation
uses, and give

    probabilities        float32 [N, C]
    top_k_indices        int32 [N, K]      most probable first
    top_k_probabilities  float32 [N, K]
    top_k_classes        string [N, K]

Probabilities add up to 1, unless images may have several classes: each class
then has its own, by the sigmoid. Two more are for training students:

    logits           pixels       float32 [N, S, S, 3] on 0..255, cut already
                                  -> logits  float32 [N, C]
    class_names      nothing      -> class_names  string [C]

Batch norms are folded into the convolutions
before them: the same numbers but for rounding, from fewer layers.
"""

import dataclasses
import pathlib
from typing import Any

import keras
import tensorflow as tf

from kerastricks.files import replacing
from kerastricks.models.fold import fold_batch_norms
from kerastricks.models.fuse import is_graph
from kerastricks.trained import Trained


def write_saved_model(
    classifier: Trained, path: pathlib.Path, top_k: int = 5
) -> None:
    """Writes all signatures, or nothing."""
    if is_graph(classifier.model):  # a model in Python code stays as it is
        classifier = dataclasses.replace(
            classifier, model=fold_batch_norms(classifier.model)
        )
    archive = keras.export.ExportArchive()
    archive.track(classifier.model)
    archive.add_endpoint(
        "serving_default",
        pixels_endpoint(classifier, top_k),
        [tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")],
    )
    archive.add_endpoint(
        "serve_bytes",
        bytes_endpoint(classifier, top_k),
        [tf.TensorSpec([None], tf.string, name="image_bytes")],
    )
    archive.add_endpoint(
        "logits",
        logits_endpoint(classifier),
        [tf.TensorSpec([None, *sides(classifier.model), 3], name="pixels")],
    )
    archive.add_endpoint("class_names", names_endpoint(classifier), [])
    with replacing(path) as partial:
        archive.write_out(str(partial), verbose=False)


def pixels_endpoint(classifier: Trained, top_k: int) -> Any:
    """Images of one size -> answers."""

    def serve(images: Any) -> dict[str, Any]:
        return answer(classifier, classifier.squares.centre(images), top_k)

    return serve


def bytes_endpoint(classifier: Trained, top_k: int) -> Any:
    """Encoded images, each of its own size -> answers."""
    size = classifier.squares.size

    def serve(image_bytes: Any) -> dict[str, Any]:
        squares = tf.map_fn(
            lambda data: classifier.squares.eval(data, encoded=True),
            image_bytes,
            fn_output_signature=tf.TensorSpec([size, size, 3], tf.uint8),
        )
        return answer(classifier, squares, top_k)

    return serve


def logits_endpoint(classifier: Trained) -> Any:
    """Pixels that may be fractions -> logits."""

    def serve(pixels: Any) -> dict[str, Any]:
        images, _ = classifier.normalize(pixels)
        return {"logits": classifier.model(images, training=False)}

    return serve


def names_endpoint(classifier: Trained) -> Any:
    """Nothing -> the classes in the order of the logits."""

    @tf.function(input_signature=[])
    def serve() -> dict[str, Any]:
        return {"class_names": tf.constant(classifier.class_names)}

    return serve


def sides(model: keras.Model) -> tuple[int | None, ...]:
    """Height and width that the model needs; None: any."""
    return model.inputs[0].shape[1:3] if is_graph(model) else (None, None)


def answer(classifier: Trained, squares: Any, top_k: int) -> dict[str, Any]:
    """Probabilities and the names of the best."""
    images, _ = classifier.normalize(squares)
    logits = classifier.model(images, training=False)
    activation = tf.nn.sigmoid if classifier.multi_label else tf.nn.softmax
    probabilities = activation(logits)
    count = min(top_k, len(classifier.class_names))
    best, indices = tf.math.top_k(probabilities, count)
    return {
        "probabilities": probabilities,
        "top_k_indices": indices,
        "top_k_probabilities": best,
        "top_k_classes": tf.gather(
            tf.constant(classifier.class_names), indices
        ),
    }
