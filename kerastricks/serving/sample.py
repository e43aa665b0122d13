"""Validation pictures, and what the Keras model says of them in evaluation."""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kerastricks import build
from kerastricks.config import Recipe
from kerastricks.data import Source
from kerastricks.data.bad_images import naming_bad
from kerastricks.evaluation import probabilities
from kerastricks.evaluation.tta import Tta
from kerastricks.trained import Trained
from kerastricks.views import view_batches

BATCH = 32
CALIBRATION = 128  # squares that int8's ranges are measured on


@dataclasses.dataclass(frozen=True)
class Sample:
    """What exported files are held against.

    Args:
        pictures: bytes of files, or uint8 [H, W, 3] where there are none.
        squares: uint8 [N, S, S, 3], as evaluation cuts them.
        logits: float32 [N, C] of these squares.
        expected: float64 [N, C], the probabilities to find; with the views of
            test-time augmentation if there are any.
    """

    pictures: list[bytes | np.ndarray]
    squares: np.ndarray
    logits: np.ndarray
    expected: np.ndarray


def take_sample(
    recipe: Recipe,
    classifier: Trained,
    source: Source,
    count: int,
    tta: Tta,
) -> Sample:
    """Pictures from all over the source.

    Args:
        source: whose pictures are whole, not squares from a cache.
    """
    part = source.subset(spread(len(source), count))
    with naming_bad(part, max_pixels=recipe.data.max_pixels), exact_float32():
        squares = squares_of(recipe, classifier, part)
        batches = tf.data.Dataset.from_tensor_slices(squares).batch(BATCH)
        logits = classifier.logits(batches)
        by_view = [
            logits
            if view.is_center
            else classifier.logits(
                view_batches(recipe, classifier.squares, part, view)
            )
            for view in tta.views
        ]
        pictures = [
            source.fetch(tf.constant(index)).numpy() for index in part.indices
        ]
    expected = combined(classifier, by_view, tta)
    return Sample(pictures, squares, logits, expected)


def calibration_squares(
    recipe: Recipe, classifier: Trained, source: Source, apart_from: int
) -> np.ndarray:
    """uint8 [N, S, S, 3] of images that are not in the sample.

    Of all images where there are no others.

    Args:
        apart_from: images in the sample.
    """
    places = np.arange(len(source))
    rest = np.setdiff1d(places, spread(len(source), apart_from))
    rest = rest if len(rest) else places
    part = source.subset(rest[spread(len(rest), CALIBRATION)])
    with naming_bad(part, max_pixels=recipe.data.max_pixels):
        return squares_of(recipe, classifier, part)


def combined(
    classifier: Trained, by_view: list[np.ndarray], tta: Tta
) -> np.ndarray:
    """float64 [N, C]: put together as evaluation does, then calibrated."""
    together = tta.combined(by_view, classifier.multi_label)
    calibrated = together / classifier.temperature
    return probabilities(calibrated, classifier.multi_label)


def squares_of(
    recipe: Recipe, classifier: Trained, source: Source
) -> np.ndarray:
    """uint8 [N, S, S, 3] from evaluation's own pipeline."""
    side = classifier.squares.size
    batches = build.eval_batches(recipe, source, side)
    rows = [inputs["image"].numpy() for inputs, _ in batches]
    return np.concatenate(rows)


def spread(total: int, count: int) -> np.ndarray:
    """Places from the first to the last, as evenly as can be."""
    return np.unique(
        np.linspace(0, total - 1, min(count, total)).round().astype(int)
    )


@contextlib.contextmanager
def exact_float32() -> Iterator[None]:
    """Without TensorFloat-32, whose 10 bits are no float32."""
    experimental = tf.config.experimental
    before = experimental.tensor_float_32_execution_enabled()
    experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        experimental.enable_tensor_float_32_execution(before)
