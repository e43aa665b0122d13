"""Whether an exported file answers as the Keras model did in evaluation.

Each file is read anew and given validation pictures; `compare` tells how near
its probabilities must be to evaluation's.
"""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.errors import RunError
from kerastricks.evaluation import probabilities
from kerastricks.serving.compare import TOLERANCE, Check, check
from kerastricks.serving.formats import LITERT, LITERT_INT8, ONNX, Format
from kerastricks.serving.sample import BATCH, Sample, exact_float32
from kerastricks.trained import Trained

ONE_BY_ONE = 8  # pictures of any size, each a call of its own


def check_all(
    folder: pathlib.Path,
    classifier: Trained,
    sample: Sample,
    formats: Sequence[Format],
    int8_tolerance: float,
) -> list[Check]:
    """Every file in the folder of an export."""
    refuse_nan(sample)
    found = []
    with exact_float32():
        for one in formats:
            if one.whole:
                found += check_saved_model(folder, classifier, sample)
            else:
                tolerance = TOLERANCE if one.exact else int8_tolerance
                answers = answers_of(one, folder / one.file, sample)
                found.append(
                    check(
                        one.title,
                        sample.expected,
                        answers,
                        tolerance,
                        classifier,
                    )
                )
    return found


def refuse_nan(sample: Sample) -> None:
    """A network of NaN would match an equally broken file."""
    fine = np.isfinite(sample.expected) & np.isfinite(sample.logits)
    broken = int((~fine.all(axis=1)).sum())
    if broken:
        raise RunError(
            "the network itself is broken, and nothing was written: in "
            "evaluation, before any export, it gives NaN or infinity for "
            f"{broken} of {len(fine)} validation images"
        )


def check_saved_model(
    folder: pathlib.Path, classifier: Trained, sample: Sample
) -> list[Check]:
    """Its signatures, one after the other."""
    signatures = tf.saved_model.load(str(folder)).signatures
    expected, found = sample.expected, []
    rows = in_batches(
        lambda pictures: named(
            signatures["serve_bytes"](
                image_bytes=tf.constant([as_file(one) for one in pictures])
            ),
            classifier,
        ),
        sample.pictures,
    )
    found.append(
        check("SavedModel serve_bytes", expected, rows, TOLERANCE, classifier)
    )
    pixels = [
        classifier.squares.decode(one) if isinstance(one, bytes) else one
        for one in sample.pictures[:ONE_BY_ONE]
    ]
    rows = in_batches(
        lambda image: named(
            signatures["serving_default"](images=np.stack(image)), classifier
        ),
        pixels,
        1,
    )
    found.append(
        check(
            "SavedModel serving_default",
            expected[: len(pixels)],
            rows,
            TOLERANCE,
            classifier,
        )
    )
    logits = in_batches(
        lambda squares: signatures["logits"](
            pixels=tf.cast(squares, tf.float32)
        )["logits"],
        sample.squares,
    )
    found.append(
        check(
            "SavedModel logits",
            probabilities(sample.logits, classifier.multi_label),
            probabilities(logits, classifier.multi_label),
            TOLERANCE,
        )
    )
    return found


def as_file(picture: bytes | np.ndarray) -> bytes:
    """Its bytes; pixels without a file as PNG, which loses nothing."""
    if isinstance(picture, bytes):
        return picture
    return tf.io.encode_png(picture).numpy()


def named(answer: Any, classifier: Trained) -> np.ndarray:
    """The probabilities; its names must be those of its indices."""
    names = np.array([name.encode() for name in classifier.class_names])
    expected = names[answer["top_k_indices"].numpy()]
    if not np.array_equal(answer["top_k_classes"].numpy(), expected):
        raise RunError(
            "the export is broken: its names are not those of its indices"
        )
    return answer["probabilities"]


def answers_of(one: Format, path: pathlib.Path, sample: Sample) -> np.ndarray:
    """Probabilities by a LiteRT or ONNX file."""
    from kerastricks.serving.litert import read_litert
    from kerastricks.serving.onnx_file import read_onnx
    from kerastricks.serving.quiet import quiet

    readers = {
        LITERT.name: read_litert,
        LITERT_INT8.name: read_litert,
        ONNX.name: read_onnx,
    }
    try:
        with quiet():
            classify = readers[one.name](path)
            return in_batches(
                lambda squares: classify(squares)["probabilities"],
                sample.squares,
            )
    except Exception as error:  # runtimes raise many kinds
        first = str(error).strip().split("\n")[0]
        raise RunError(
            f"the export is broken: its {one.title} file does not run ({first})"
        ) from error


def in_batches(ask: Any, inputs: Any, size: int = BATCH) -> np.ndarray:
    """What is answered to all inputs, a batch at a time."""
    return np.concatenate(
        [
            np.asarray(ask(inputs[start : start + size]))
            for start in range(0, len(inputs), size)
        ]
    )


def refuse_broken(checks: Sequence[Check]) -> None:
    """Raises, with the numbers, for the first that did not pass."""
    for one in checks:
        if not one.passed:
            raise RunError(
                f"the export is broken, and nothing was written: {one.what} "
                f"differs from evaluation by up to {one.largest:.2g} in "
                f"probability, where {one.tolerance:g} is allowed, and has the "
                f"same best class for {one.top1_equal} of {one.images} images"
            )
