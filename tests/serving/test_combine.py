"""The graph's combination of views is evaluation's."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.evaluation import sigmoid, softmax
from kerastricks.evaluation.tta import Tta
from kerastricks.serving.combine import combined

LOGITS = np.random.RandomState(0).normal(0, 4, (3, 6, 4)).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 40.0])
@pytest.mark.parametrize(
    "of, by, several",
    list(
        itertools.product(
            ("probabilities", "logits"), ("mean", "max"), (False, True)
        )
    ),
)
def test_probabilities_are_those_of_evaluation(of, by, several, temperature):
    """Its combination, and then the temperature."""
    tta = Tta("center+2", of, by)  # whose weights are not all the same
    views = [tf.constant(part) for part in LOGITS]
    found = combined(views, tta, several, temperature)
    activation = sigmoid if several else softmax
    together = tta.combined(list(LOGITS), several)
    expected = activation(together / temperature)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_mean_by_hand():
    """(.2 + .6) / 2."""
    views = [tf.constant(np.log([row])) for row in ((0.2, 0.8), (0.6, 0.4))]
    found = combined(views, Tta("flip"), False)
    np.testing.assert_allclose(found, [[0.4, 0.6]], rtol=1e-12)


def test_the_temperature_comes_last_by_hand():
    """Of (.2 + .6) / 2 and .6 the square roots, brought to a sum of 1."""
    views = [tf.constant(np.log([row])) for row in ((0.2, 0.8), (0.6, 0.4))]
    found = combined(views, Tta("flip"), False, 2.0)
    roots = np.sqrt([[0.4, 0.6]])
    np.testing.assert_allclose(found, roots / roots.sum(), rtol=1e-12)


def test_no_best_class_changes():
    """Views that are divided by 5 one by one make the first one best."""
    views = [np.log([[0.9, 0.0999, 0.0001]]), np.log([[0.03, 0.01, 0.96]])]
    views = [tf.constant(view) for view in views]
    for temperature in (0.2, 1.0, 5.0):
        found = combined(views, Tta("flip"), False, temperature)
        assert int(tf.argmax(found[0])) == 2
    divided = sum(softmax(view.numpy() / 5) for view in views)
    assert divided.argmax() == 0


def test_a_probability_of_nothing_is_not_lost():
    """1e-60 in float32, as a hundredth power still .25."""
    views = [tf.constant([[-138.0, 0.0]])] * 2
    for several in (False, True):
        found = combined(views, Tta("flip"), several, 100.0)
        expected = 1 / (1 + np.exp(1.38))
        np.testing.assert_allclose(found[0, 0], expected, rtol=1e-5)
