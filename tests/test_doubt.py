"""Labels that a run doubts."""

import numpy as np
import pytest

from kerastricks import doubt
from kerastricks.evaluation.label_noise import Suspect


def test_one_class_an_image():
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.95, 0.05], [0.1, 0.9]])
    found = doubt.of_labels(chances, np.array([0, 1, 1, 1]))
    ((label, one),) = found
    assert (label, one.index, one.label, one.likely) == (-1, 2, 1, 0)
    assert one.score == pytest.approx(0.9)


def test_several_classes_an_image_are_several_questions():
    chances = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.97]])
    labels = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], np.float32)
    ((label, one),) = doubt.of_labels(chances, labels)
    assert (label, one.index, one.label, one.likely) == (1, 3, 0, 1)


def test_what_is_claimed():
    class Named:
        class_names = ("cat", "dog")

    one = Suspect(index=0, label=0, likely=1, score=0.51239)
    assert doubt.claim(one, -1, Named) == {"likely": "dog", "score": 0.5124}
    assert doubt.claim(one, 0, Named)["likely"] == "cat"
    none = Suspect(index=0, label=1, likely=0, score=0.5)
    assert doubt.claim(none, 0, Named)["likely"] == "no cat"
