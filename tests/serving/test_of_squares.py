"""What the formats compute that take squares."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.errors import InputError
from kerastricks.evaluation.tta import Tta
from kerastricks.serving.formats import parse_formats
from kerastricks.serving.of_squares import (
    refuse_views,
    squares_function,
    squares_spec,
)
from kerastricks.serving.saved_model import PLAIN


def test_answers_of_squares(tiny, squares, probabilities):
    found = squares_function(tiny, 2, PLAIN)(tf.constant(squares))
    assert squares_spec(tiny).shape.as_list() == [None, 8, 8, 3]
    np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-6)
    order = np.argsort(-probabilities, axis=1)[:, :2]
    np.testing.assert_array_equal(found["top_k_indices"], order)
    np.testing.assert_allclose(
        found["top_k_probabilities"],
        np.take_along_axis(probabilities, order, axis=1),
        atol=1e-6,
    )


def test_the_mirror_image_is_a_view(tiny, squares):
    both = squares_function(tiny, 1, Tta("flip"))(tf.constant(squares))
    one = squares_function(tiny, 1, PLAIN)
    parts = [
        one(tf.constant(part))["probabilities"].numpy() ** 0.5
        for part in (squares, squares[:, :, ::-1])
    ]  # undivided: the temperature is .5
    mean = sum(part / part.sum(axis=1, keepdims=True) for part in parts) / 2
    expected = mean**2 / (mean**2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(both["probabilities"], expected, atol=2e-6)


def test_other_views_need_the_picture():
    with pytest.raises(InputError, match="LiteRT takes .*tta=fivecrop"):
        refuse_views(parse_formats("onnx,litert"), Tta("fivecrop"))
    refuse_views(parse_formats("savedmodel"), Tta("fivecrop"))
    refuse_views(parse_formats("litert"), Tta("flip"))
