"""What the reports show: which images, and the light on them."""

import types

import numpy as np
import pytest

from kerastricks.assess import pictures
from kerastricks.assess.pictures import GLOW, claims, enlarged, lit
from kerastricks.outcome import Outcome

GREY = np.full((32, 32, 3), 100, np.uint8)


@pytest.fixture(autouse=True)
def squares(monkeypatch):
    monkeypatch.setattr(pictures, "square", lambda recipe, splits, place: GREY)


def splits(labels):
    files = [f"folder/{place}.jpg" for place in range(len(labels))]
    val = types.SimpleNamespace(
        class_names=("a", "b", "c"), labels=labels, names=files
    )
    return types.SimpleNamespace(val=val)


def outcome(chances, labels):
    return Outcome(np.log(chances), np.array(labels))


SURE_WRONG = [0.9, 0.05, 0.05]
UNSURE = [0.4, 0.3, 0.3]
RIGHT = [0.05, 0.9, 0.05]


def test_mistakes_are_worst_first_and_never_right():
    found = outcome([UNSURE, SURE_WRONG, RIGHT], [1, 1, 1])
    shown = pictures.mistakes(None, splits(found.labels), found)
    assert [one.caption for one in shown] == [
        "predicted a 90%",
        "predicted a 40%",
    ]
    assert [one.detail for one in shown] == [
        "is b, 1.jpg, loss 3.00",
        "is b, 0.jpg, loss 1.20",
    ]
    assert len(pictures.mistakes(None, splits(found.labels), found, 1)) == 1


def test_what_differs_tells_what_both_said():
    labels = [1, 1, 1, 1]
    better = outcome([RIGHT, RIGHT, RIGHT, UNSURE], labels)
    worse = outcome([UNSURE, RIGHT, SURE_WRONG, SURE_WRONG], labels)
    shown = pictures.differing(None, splits(np.array(labels)), better, worse)
    assert [(one.caption, one.detail) for one in shown] == [
        ("is b", "b 90%; the other: a 90%, 2.jpg"),
        ("is b", "b 90%; the other: a 40%, 0.jpg"),
    ]


def test_light_is_where_the_map_is_high():
    shares = np.array([[1.0, 0.0], [0.0, 0.0]])
    found = lit(GREY, np.kron(shares, np.ones((8, 8)))).astype(float)
    bright = np.rint(0.65 * 100 + 0.35 * GLOW)
    np.testing.assert_allclose(found[0, 0], bright, atol=1)
    np.testing.assert_allclose(found[-1, -1], 45, atol=1)
    np.testing.assert_allclose(lit(GREY, np.zeros((2, 2))), 45)


def test_small_pictures_grow_by_whole_pixels():
    small = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    large = enlarged(small)
    assert large.shape == (160, 160, 3)
    np.testing.assert_array_equal(large[::40, ::40], small)
    assert enlarged(np.zeros((200, 200, 3), np.uint8)).shape == (200, 200, 3)


def test_claims_are_the_likely_ones():
    names = tuple("abc")
    assert claims(np.array([0.6, 0.5, 0.98]), names) == [
        ("c", 0.98),
        ("a", 0.6),
    ]
