"""Which validation pictures an export is held against, and by what."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from kerastricks import build, outcome, trained
from kerastricks.evaluation import sigmoid, softmax
from kerastricks.evaluation.tta import Tta
from kerastricks.run_dir import RunDir
from kerastricks.serving import sample


@pytest.mark.parametrize(
    "total, count, places",
    [
        (10, 4, [0, 3, 6, 9]),
        (3, 64, [0, 1, 2]),
        (5, 1, [0]),
        (1, 1, [0]),
        (5, 0, []),
    ],
)
def test_spread(total, count, places):
    assert sample.spread(total, count).tolist() == places


def test_what_is_expected_is_what_evaluation_gives(finished):
    folder = RunDir(finished.run_dir)
    recipe = folder.recipe()
    classifier = trained.load(recipe, folder)
    splits = build.evaluation_data(recipe)
    found = sample.take_sample(recipe, classifier, splits.val, 6, Tta("center"))
    places = sample.spread(len(splits.val), 6)
    logits = outcome.judge(recipe, classifier, splits).logits[places]
    np.testing.assert_allclose(found.logits, logits, atol=1e-5)
    np.testing.assert_allclose(
        found.expected, softmax(logits / classifier.temperature), atol=1e-5
    )
    names = [splits.val.names[place] for place in places]
    files = [pathlib.Path(name).read_bytes() for name in names]
    assert found.pictures == files

    apart = sample.calibration_squares(recipe, classifier, splits.val, 6)
    assert apart.shape == (12, 32, 32, 3)
    taken = {square.tobytes() for square in found.squares}
    assert not taken & {square.tobytes() for square in apart}
    every = sample.calibration_squares(recipe, classifier, splits.val, 64)
    assert len(every) == 18  # there are no others


def test_views_are_combined_before_they_are_calibrated(tiny):
    """At a temperature of .5 the mean's squares, brought to a sum of 1."""
    by_view = [np.array([[1.0, 2.0, 4.0]]), np.array([[2.0, 0.0, 1.0]])]
    found = sample.combined(tiny, by_view, Tta("flip"))
    squares = ((softmax(by_view[0]) + softmax(by_view[1])) / 2) ** 2
    np.testing.assert_allclose(found, squares / squares.sum(), atol=1e-12)


def test_several_labels_have_sigmoids(tiny):
    several = dataclasses.replace(tiny, multi_label=True)
    logits = np.array([[-1.0, 0.0, 3.0]])
    found = sample.combined(several, [logits], Tta("center"))
    np.testing.assert_allclose(found, sigmoid(logits / 0.5), atol=1e-12)


def test_no_tensor_float_32_meanwhile():
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    before = enabled()
    with pytest.raises(ZeroDivisionError), sample.exact_float32():
        assert not enabled()
        _ = 1 / 0
    assert enabled() == before
