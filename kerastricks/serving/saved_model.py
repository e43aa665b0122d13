"""A SavedModel that takes pictures as they come and names what is on them.

    serving_default  images       uint8 [N, H, W, 3], any size
    serve_bytes      image_bytes  string [N], encoded JPEG, PNG, GIF, BMP, WebP

Both resize, cut out the centre and normalise, by the functions that evaluation
uses, and give

    probabilities        float32 [N, C]
    top_k_indices        int32 [N, K]      most probable first
    top_k_probabilities  float32 [N, K]
    top_k_classes        string [N, K]

Probabilities are those of logits / temperature, which calibrates them (see
`evaluation.calibration`). They add up to 1, unless images may have several
classes: each class then has its own, by the sigmoid. Two more are for training
students:

    logits           pixels       float32 [N, S, S, 3] on 0..255, cut already
                                  -> logits  float32 [N, C], as they are
    class_names      nothing      -> class_names  string [C]

Batch norms are folded into the convolutions before them: the same numbers but
for rounding, from fewer layers. For TensorFlow Serving there are requests to
warm up with, and the name of the bytes ends in `_bytes`, so that JSON can have
them as {"b64": ...}.

With test-time augmentation the first two look at several views of each picture
(`evaluation.tta`), cut as in its evaluation, and give their combination, whose
logits the temperature divides at last. Pixels that are cut already have no
other views.
"""

import dataclasses
import itertools
import pathlib
from typing import Any

import keras
import tensorflow as tf

from kerastricks.errors import InputError
from kerastricks.evaluation.tta import Tta
from kerastricks.files import replacing
from kerastricks.models.fold import fold_batch_norms
from kerastricks.models.fuse import is_graph
from kerastricks.serving import warmup
from kerastricks.serving.combine import combined
from kerastricks.trained import Trained
from kerastricks.views import refuse_sides, sides_of, view_square

PLAIN = Tta("center")


def write_saved_model(
    classifier: Trained,
    path: pathlib.Path,
    top_k: int = 5,
    tta: Tta = PLAIN,
) -> None:
    """Writes all signatures, or nothing."""
    refuse_random(tta)
    refuse_sides(classifier, tta)
    with replacing(path) as partial:
        save(folded(classifier), partial, top_k, tta)


def folded(classifier: Trained) -> Trained:
    """The same with fewer layers, if its graph can be seen."""
    if not is_graph(classifier.model):  # a model in Python code stays as it is
        return classifier
    return dataclasses.replace(
        classifier, model=fold_batch_norms(classifier.model)
    )


def save(
    classifier: Trained, folder: pathlib.Path, top_k: int, tta: Tta
) -> None:
    """Writes the SavedModel of a folded classifier, with warm-up requests."""
    # Not told to track the model, which would store each weight twice (Keras
    # 3.15): what the endpoints use is stored anyway.
    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "serving_default",
        pixels_endpoint(classifier, top_k, tta),
        [tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")],
    )
    archive.add_endpoint(
        "serve_bytes",
        bytes_endpoint(classifier, top_k, tta),
        [tf.TensorSpec([None], tf.string, name="image_bytes")],
    )
    archive.add_endpoint(
        "logits",
        logits_endpoint(classifier),
        [tf.TensorSpec([None, *sides_of(classifier.model), 3], name="pixels")],
    )
    archive.add_endpoint("class_names", names_endpoint(classifier), [])
    try:
        archive.write_out(str(folder), verbose=False)
    except tf.errors.OpError as error:  # TensorFlow's for a full disk, say
        raise OSError(f"{folder} cannot be written ({error.message})") from None
    warmup.write_warmup(folder, warm_up_requests(classifier.squares.size))


def warm_up_requests(size: int) -> list[warmup.Request]:
    """One picture for each way to hand it in."""
    image = warmup.picture(size)
    data = tf.io.encode_jpeg(image)
    return [
        ("serve_bytes", {"image_bytes": data[None]}),
        ("serving_default", {"images": image[None]}),
    ]


def refuse_random(tta: Tta) -> None:
    """A served picture has no place in a split to draw from."""
    if tta.random:
        raise InputError(
            "a SavedModel looks at fixed views: flip, fivecrop, tencrop or "
            "multiscale. Random ones are drawn by the seed and the picture's "
            "place among the validation images, which a served picture has "
            f"not. Received: tta={tta.kind}"
        )


def pixels_endpoint(classifier: Trained, top_k: int, tta: Tta) -> Any:
    """Images of one size -> answers."""

    def serve(images: Any) -> dict[str, Any]:
        squares = views_of(classifier, images, tta)
        return answer(classifier, squares, top_k, tta)

    return serve


def bytes_endpoint(classifier: Trained, top_k: int, tta: Tta) -> Any:
    """Encoded images, each of its own size -> answers."""
    size = classifier.squares.size
    sides = [view.side(size) for view in tta.views]

    def serve(image_bytes: Any) -> dict[str, Any]:
        squares = tf.map_fn(
            lambda data: views_of(
                classifier, classifier.squares.decode(data), tta
            ),
            image_bytes,
            fn_output_signature=[
                tf.TensorSpec([side, side, 3], tf.uint8) for side in sides
            ],
        )
        return answer(classifier, squares, top_k, tta)

    return serve


def views_of(classifier: Trained, images: Any, tta: Tta) -> list[Any]:
    """The squares of pictures [H, W, 3] or [N, H, W, 3], view by view."""
    return [view_square(classifier.squares, images, view) for view in tta.views]


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


def logits_of(classifier: Trained, squares: list[Any]) -> list[Any]:
    """[N, C] of each view; views of one size go through the network at once."""
    logits: list[Any] = []
    for _, group in itertools.groupby(squares, lambda view: view.shape[1]):
        views = list(group)
        images, _ = classifier.normalize(tf.concat(views, axis=0))
        found = classifier.model(images, training=False)
        logits += tf.split(found, len(views))
    return logits


def answer(
    classifier: Trained, squares: list[Any], top_k: int, tta: Tta
) -> dict[str, Any]:
    """Probabilities and the names of the best.

    Args:
        squares: uint8 [N, S, S, 3] of each view.
    """
    logits = logits_of(classifier, squares)
    probabilities = combined(
        logits, tta, classifier.multi_label, classifier.temperature
    )
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
