"""What LiteRT and ONNX compute: squares that are cut already to answers.

    images  uint8 [N, S, S, 3]

gives `probabilities`, `top_k_indices` and `top_k_probabilities` as the
SavedModel does. To decode and to cut takes operations of TensorFlow's own, so
that is left to the caller, and with it the views that are cut from pictures.
"""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerastricks.errors import InputError
from kerastricks.evaluation.tta import Tta
from kerastricks.serving.formats import Format
from kerastricks.serving.saved_model import answer
from kerastricks.trained import Trained
from kerastricks.views import mirrored

Tensor = Any
OUTPUTS = ("probabilities", "top_k_indices", "top_k_probabilities")


def refuse_views(formats: Sequence[Format], tta: Tta) -> None:
    """Of a square that is cut there are the centre and its mirror image."""
    cut = [one for one in formats if not one.whole]
    if cut and not all(view.of_square for view in tta.views):
        raise InputError(
            f"these views are cut from whole pictures, and {cut[0].title} "
            "takes squares that are cut already: flip, or none. "
            f"Received: tta={tta.kind}, format={cut[0].name}"
        )


def squares_spec(classifier: Trained) -> tf.TensorSpec:
    """What goes in."""
    side = classifier.squares.size
    return tf.TensorSpec([None, side, side, 3], tf.uint8, name="images")


def squares_function(
    classifier: Trained, top_k: int, tta: Tta
) -> Callable[[Tensor], dict[str, Tensor]]:
    """uint8 squares -> answers, for a graph."""

    def serve(images: Tensor) -> dict[str, Tensor]:
        views = [
            mirrored(images) if view.mirror else images for view in tta.views
        ]
        found = answer(classifier, views, top_k, tta)
        return {name: found[name] for name in OUTPUTS}

    return serve


def save_squares(
    classifier: Trained, folder: pathlib.Path, top_k: int, tta: Tta
) -> None:
    """A SavedModel of this alone, for converters to read."""
    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "serving_default",
        squares_function(classifier, top_k, tta),
        [squares_spec(classifier)],
    )
    archive.write_out(str(folder), verbose=False)
