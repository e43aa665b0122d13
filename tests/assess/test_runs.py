"""Several runs on the same images."""

import types

import numpy as np
import pytest

from kerastricks.assess.runs import check_same_images, together
from kerastricks.errors import InputError
from kerastricks.evaluation import softmax
from kerastricks.outcome import Outcome


def asked(logits, labels=(0, 1), sha="s", names=("a", "b")):
    outcome = Outcome(np.asarray(logits, float), np.array(labels))
    splits = types.SimpleNamespace(
        sha256=lambda: sha, val=types.SimpleNamespace(class_names=names)
    )
    return types.SimpleNamespace(
        name="run", splits=splits, plain=outcome, outcome=outcome
    )


def test_probabilities_are_averaged():
    one, other = asked([[0, 2], [1, 0]]), asked([[4, 0], [0, 0]])
    found = together([one, other])
    mean = (softmax(one.outcome.logits) + softmax(other.outcome.logits)) / 2
    np.testing.assert_allclose(softmax(found.logits), mean)
    np.testing.assert_array_equal(found.labels, [0, 1])


def test_one_alone_is_itself():
    one = asked([[0, 2], [1, 0]])
    assert together([one]) is one.outcome


@pytest.mark.parametrize(
    "change",
    [
        {"sha": "other"},
        {"names": ("a", "c")},
        {"labels": [[0, 1], [1, 0]]},
    ],
)
def test_other_images_are_refused(change):
    logits = [[0, 2], [1, 0]]
    check_same_images(asked(logits), asked(logits))
    with pytest.raises(InputError, match="give them with --data"):
        check_same_images(asked(logits), asked(logits, **change))
