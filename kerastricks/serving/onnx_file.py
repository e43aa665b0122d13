"""An ONNX file, by tf2onnx.

Class names and what else one must know to use it are in its metadata:
`session.get_modelmeta().custom_metadata_map`, each value as JSON.
"""

import json
import logging
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.errors import RunError
from kerastricks.evaluation.tta import Tta
from kerastricks.serving.of_squares import squares_function, squares_spec
from kerastricks.serving.quiet import quiet
from kerastricks.trained import Trained

OPSET = 17  # of 2022: older runtimes read it too


def write_onnx(
    classifier: Trained, path: pathlib.Path, top_k: int, tta: Tta
) -> None:
    """Converts a folded classifier."""
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    serve = tf.function(squares_function(classifier, top_k, tta))
    with quiet():
        try:
            model, _ = tf2onnx.convert.from_function(
                serve, [squares_spec(classifier)], opset=OPSET
            )
        except (OSError, MemoryError):  # the machine's, not the network's
            raise
        except Exception as error:  # of many kinds, some without a name
            first = str(error).strip().split("\n")[0]
            raise RunError(
                f"this network cannot be had as ONNX ({first})"
            ) from error
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.helper.set_model_props(
        model,
        {
            "class_names": json.dumps(
                classifier.class_names, ensure_ascii=False
            ),
            "image_size": json.dumps(classifier.squares.size),
            "eval_crop": json.dumps(classifier.squares.eval_crop),
            "interpolation": json.dumps(classifier.squares.eval_filter()),
            "temperature": json.dumps(classifier.temperature),
        },
    )
    onnx.save(model, str(path))


def open_session(path: pathlib.Path) -> Any:
    """An onnxruntime session on the CPU."""
    import onnxruntime

    return onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )


def read_onnx(
    path: pathlib.Path,
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The file as a function of squares."""
    session = open_session(path)
    names = [output.name for output in session.get_outputs()]

    def classify(images: np.ndarray) -> dict[str, np.ndarray]:
        rows = session.run(names, {"images": images})
        return dict(zip(names, rows, strict=True))

    return classify
