"""Numbers against torchvision are in test_golden_losses.py."""

import keras
import numpy as np
import pytest

from kerastricks.losses import BinaryCrossentropy, Focal, SoftCrossEntropy

pytestmark = pytest.mark.traced

CLASSES = 5


@pytest.fixture(scope="module")
def logits():
    random = np.random.RandomState(0)
    return (3 * random.normal(size=(4, CLASSES))).astype(np.float32)


ONE_HOT = np.eye(CLASSES, dtype=np.float32)[[0, 3, 3, 1]]
SEVERAL = np.array([[1, 0, 1, 0, 0], [0] * 5, [1] * 5, [0, 0, 0, 0, 1.0]])


def test_hand_computed_points():
    # p = 3/4 and 1/4: (1/4)^2 log 4/3 and (3/4)^2 log 4
    logits = np.log([[3.0, 1.0], [1.0, 3.0]])
    labels = np.array([[1, 0], [1, 0]])
    expected = [np.log(4 / 3) / 16, np.log(4) * 9 / 16]
    found = Focal(reduction="none")(labels, logits)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # One sigmoid each, p = 3/4: a hit weighs .25, a miss .75.
    both = Focal(alpha=0.25, multi_label=True, reduction="none")
    found = both([[1.0], [0.0]], np.log([[3.0], [3.0]]))
    weighed = np.multiply(expected, [0.25, 0.75])
    np.testing.assert_allclose(found, weighed, rtol=1e-6)


def test_gamma_0_is_cross_entropy(logits):
    weights = [1, 2, 3, 4, 5]
    np.testing.assert_allclose(
        Focal(0, label_smoothing=0.1, class_weights=weights)(ONE_HOT, logits),
        SoftCrossEntropy(0.1, class_weights=weights)(ONE_HOT, logits),
        rtol=1e-7,
    )
    ours = Focal(0, None, True, 0.1, weights)
    np.testing.assert_allclose(
        ours(SEVERAL, logits),
        BinaryCrossentropy(0.1, class_weights=weights)(SEVERAL, logits),
        rtol=1e-7,
    )


def test_equals_keras_with_alpha_1(logits):
    theirs = keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, gamma=2.0, from_logits=True, label_smoothing=0.1
    )
    ours = Focal(2.0, label_smoothing=0.1)
    # Keras clips probabilities at 1e-7.
    np.testing.assert_allclose(
        ours(ONE_HOT, logits), theirs(ONE_HOT, logits), rtol=1e-5
    )


def test_class_weights_multiply_each_class(logits):
    """The images of a class, as each has one."""
    weights = np.array([1.0, 2.0, 3.0, 0.5, 4.0])
    plain = np.asarray(Focal(reduction="none")(ONE_HOT, logits))
    found = Focal(class_weights=weights, reduction="none")(ONE_HOT, logits)
    np.testing.assert_allclose(found, weights[[0, 3, 3, 1]] * plain, rtol=1e-6)


def test_small_losses_are_exact():
    """1 - p has no digits left at p = sigmoid(20)."""
    loss = Focal(2.0, multi_label=True)
    found = loss(np.ones((1, 1)), np.full((1, 1), 20.0))
    assert float(found) == pytest.approx(np.exp(-60.0), rel=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"gamma": -1}, "gamma must be at least 0.*gamma=-1"),
        ({"gamma": float("nan")}, "gamma must be at least 0.*gamma=nan"),
        ({"alpha": 0.25}, "give class_weights.*alpha=0.25, multi_label=False"),
        ({"alpha": 2, "multi_label": True}, r"alpha must be in \[0, 1\]"),
        ({"label_smoothing": 1}, r"label_smoothing must be in \[0, 1\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Focal(**arguments)
