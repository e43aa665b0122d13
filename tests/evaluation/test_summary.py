import math

import numpy as np

from kerastricks.evaluation import probabilities, summarize


def test_labels_choose_the_numbers():
    """The same answers to another question."""
    logits = np.array([[math.log(3), 0.0], [0.0, math.log(3)]])
    one, several = np.array([0, 1]), np.eye(2)
    found = [summarize(logits, labels) for labels in (one, several)]
    assert list(found[0]) == ["top1", "top5", "loss", "ece", "num_classes"]
    assert set(found[1]) - set(found[0]) == {"mean_average_precision", "f1"}
    np.testing.assert_allclose(found[0]["loss"], math.log(4 / 3))
    expected = (math.log(4 / 3) + math.log(2)) / 2
    np.testing.assert_allclose(found[1]["loss"], expected)


def test_probabilities_add_up_or_stand_alone():
    logits = np.array([[math.log(3), 0.0]], np.float32)
    np.testing.assert_allclose(
        probabilities(logits, several=False), [[3 / 4, 1 / 4]], rtol=1e-6
    )
    np.testing.assert_allclose(
        probabilities(logits, several=True), [[3 / 4, 1 / 2]], rtol=1e-6
    )
