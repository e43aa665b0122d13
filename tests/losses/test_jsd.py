"""Numbers against timm are in test_golden_losses.py."""

import numpy as np
import pytest

from kerastricks.losses import JsdLoss, SoftCrossEntropy

pytestmark = pytest.mark.traced

LOGITS = np.log([[3.0, 1], [1, 3], [1, 1], [1, 3], [1, 3], [1, 3]])
LABELS = np.array([0, 0, 0, 1, 1, 1])


def test_hand_computed_points():
    """Views (3/4, 1/4), (1/4, 3/4), (1/2, 1/2): their middle is (1/2, 1/2)."""
    apart = np.log(2) + 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    clean = np.log(4 / 3)
    expected = [clean + 12 * 2 / 3 * apart, clean]
    found = JsdLoss(reduction="none")(LABELS, LOGITS)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(
        JsdLoss()(LABELS, LOGITS), np.mean(expected), rtol=1e-6
    )


def test_weight_0_is_the_cross_entropy_of_the_clean_views():
    expected = SoftCrossEntropy(0.1)(LABELS[::3], LOGITS[::3])
    found = JsdLoss(0.0, label_smoothing=0.1)(LABELS, LOGITS)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_labels_of_other_views_do_not_count():
    labels = np.array([0, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(
        JsdLoss()(labels, LOGITS), JsdLoss()(LABELS, LOGITS)
    )


def test_the_divergence_is_at_most_log_of_the_views():
    """Reached where no two views share a class."""
    loss = JsdLoss(1.0)
    found = loss(np.zeros(3), 1e3 * np.eye(3))
    assert float(found) == pytest.approx(np.log(3), rel=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"weight": -1.0}, "weight must be at least 0.*weight=-1.0"),
        ({"views": 1}, "views must be at least 2.*views=1"),
        ({"label_smoothing": -0.1}, r"label_smoothing must be in \[0, 1\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        JsdLoss(**arguments)


def test_rows_that_are_no_whole_images():
    with pytest.raises(ValueError, match="multiple.*5 rows, views=3"):
        JsdLoss()(LABELS[:5], LOGITS[:5])
