"""A LiteRT file (TensorFlow Lite of old), in float32 or int8.

int8 holds weights and activations in 8 bits each: a quarter of the size. How
wide each layer's activations range is measured on calibration images. Logits
become float32 again before the softmax, whose 8 bits would be steps of 1/256.

The class names lie in the same file, as `labels.txt` of a zip archive at its
end, where LiteRT's metadata has files: `unzip -p model.tflite labels.txt`.
"""

import contextlib
import dataclasses
import pathlib
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerastricks.errors import RunError
from kerastricks.evaluation.tta import Tta
from kerastricks.layers import PaddedMaxPool2D
from kerastricks.models.fuse import copy_with, is_graph
from kerastricks.serving.of_squares import save_squares
from kerastricks.serving.quiet import quiet
from kerastricks.trained import Trained

LABELS = "labels.txt"
IN_FLOAT = ["SOFTMAX", "LOGISTIC", "TOPK_V2"]  # where int8 would be coarse


class MirroredMaxPool2D(PaddedMaxPool2D):
    """The same maxima with mirror images for a border of -inf.

    A border row repeats one that its window has anyway. In 8 bits a range that
    begins at -inf has no steps at all.
    """

    def call(self, inputs: Any) -> Any:
        side = (self.pool_size // 2, self.pool_size // 2)
        padded = ops.pad(inputs, [(0, 0), side, side, (0, 0)], mode="symmetric")
        return ops.max_pool(padded, self.pool_size, self.strides, "valid")


def write_litert(
    classifier: Trained,
    path: pathlib.Path,
    top_k: int,
    tta: Tta,
    calibration: np.ndarray | None = None,
) -> None:
    """Converts a folded classifier.

    Args:
        calibration: uint8 [N, S, S, 3] squares, for int8; None for float32.
    """
    if calibration is not None:
        classifier = dataclasses.replace(
            classifier, model=without_infinity(classifier.model)
        )
    with tempfile.TemporaryDirectory() as folder, telling():
        save_squares(classifier, pathlib.Path(folder), top_k, tta)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serving_default"]
        )
        if calibration is None:
            content = converter.convert()
        else:
            content = quantized(converter, calibration)
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(LABELS, labels_text(classifier.class_names))


def labels_text(names: Sequence[str]) -> str:
    """One a line."""
    return "".join(name.replace("\n", " ") + "\n" for name in names)


def quantized(converter: Any, calibration: np.ndarray) -> bytes:
    """The int8 file, with the last steps in float32."""

    def examples() -> Iterator[dict[str, np.ndarray]]:
        for square in calibration:
            yield {"images": square[None]}

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    # The converter itself takes no list of what to leave in float32.
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_ops=IN_FLOAT
    )
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=examples, debug_options=options
    )
    return debugger.get_nondebug_quantized_model()


def without_infinity(model: keras.Model) -> keras.Model:
    """The same network without borders of -inf."""
    if not is_graph(model):
        return model

    def exchange(layer: Any) -> tuple[Any, list[Any]] | None:
        if type(layer) is not PaddedMaxPool2D:
            return None
        return MirroredMaxPool2D.from_config(layer.get_config()), []

    return copy_with(model, exchange)


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """What the converter cannot do, and nothing where it can all."""
    with quiet(), warnings.catch_warnings():
        # That tf.lite's interpreter, which the converter uses, will go.
        warnings.simplefilter("ignore")
        try:
            yield
        except (OSError, MemoryError):  # the machine's, not the network's
            raise
        except Exception as error:  # of many kinds, some without a name
            first = str(error).strip().split("\n")[0]
            raise RunError(
                f"this network cannot be had as LiteRT ({first})"
            ) from error


def read_litert(
    path: pathlib.Path,
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The file as a function of squares, which it answers one by one."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path)).get_signature_runner()

    def classify(images: np.ndarray) -> dict[str, np.ndarray]:
        rows = [runner(images=image[None]) for image in images]
        return {
            name: np.concatenate([row[name] for row in rows])
            for name in rows[0]
        }

    return classify
