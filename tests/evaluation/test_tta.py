"""Which views there are, and how they become one answer."""

import numpy as np
import pytest

from kerastricks.errors import InputError
from kerastricks.evaluation import softmax
from kerastricks.evaluation.tta import Tta, parse_tta


def logs(*rows):
    """Logits [1, C] of probabilities, shifted as a network's may be."""
    return [np.log([row]) + 3 * i for i, row in enumerate(rows)]


def places(kind):
    return [(v.row, v.column, v.mirror) for v in Tta(kind).views]


FIVE = [(0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5)]  # torchvision's order


def test_fixed_views():
    assert places("center") == [(0.5, 0.5, "")]
    assert places("flip") == [(0.5, 0.5, ""), (0.5, 0.5, "square")]
    assert places("fivecrop") == [(*at, "") for at in FIVE]
    assert places("tencrop") == [
        (*at, mirror) for mirror in ("", "picture") for at in FIVE
    ]


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("center", [1.0]),
        ("center+1", [0.25, 0.75]),
        ("center+4", [0.25, 0.1875, 0.1875, 0.1875, 0.1875]),
        ("flip", [0.5, 0.5]),
        ("fivecrop", [0.2] * 5),
        ("tencrop", [0.1] * 10),
        ("multiscale=0.5/1", [0.5, 0.5]),
    ],
)
def test_weights(kind, expected):
    assert Tta(kind).weights == expected


def test_random_views_are_numbered_and_nothing_else_is_random():
    tta = Tta("center+3")
    assert [view.draw for view in tta.views] == [0, 1, 2, 3]
    assert tta.random
    assert not any(Tta(k).random for k in ("flip", "tencrop", "multiscale"))


@pytest.mark.parametrize(
    "kind, size, sides",
    [
        ("multiscale", 224, [192, 224, 256]),  # 196 and 252: halves to even
        ("multiscale", 160, [144, 160, 176]),  # 140, 180
        ("multiscale", 32, [28, 32, 36]),
        ("multiscale=0.8/1/1.2", 224, [176, 224, 272]),  # 179.2, 268.8
        ("multiscale=1/0.5", 30, [30, 16]),  # 1 is the network's own
        ("center+1", 30, [30, 30]),
    ],
)
def test_sides(kind, size, sides):
    assert [view.side(size) for view in Tta(kind).views] == sides


def test_mean_is_fastais_lerp():
    """Of the four .35; .75 * .35 + .25 * .6 = .4125."""
    views = logs((0.6, 0.4), (0.2, 0.8), (0.4, 0.6), (0.3, 0.7), (0.5, 0.5))
    found = softmax(Tta("center+4").combined(views))
    np.testing.assert_allclose(found, [[0.4125, 0.5875]], rtol=1e-12)


@pytest.mark.parametrize("beta, first", [(0.0, 0.3), (0.5, 0.45), (1.0, 0.6)])
def test_beta_weighs_the_centre(beta, first):
    views = logs((0.6, 0.4), (0.2, 0.8), (0.4, 0.6))
    found = softmax(Tta("center+2", beta=beta).combined(views))
    np.testing.assert_allclose(found, [[first, 1 - first]], rtol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.25, 1.0])
def test_maximum_is_fastais_over_all_views(beta):
    """max(.6, .2, .4) and max(.4, .8, .6), then brought to a sum of 1."""
    views = logs((0.6, 0.4), (0.2, 0.8), (0.4, 0.6))
    found = softmax(Tta("center+2", by="max", beta=beta).combined(views))
    np.testing.assert_allclose(found, [[0.6 / 1.4, 0.8 / 1.4]], rtol=1e-12)


def test_logits_themselves():
    views = [np.array([[4.0, 0.0]]), np.array([[-2.0, 1.0]])]
    mean = Tta("flip", of="logits").combined(views)
    np.testing.assert_allclose(mean, [[1.0, 0.5]], rtol=1e-12)
    most = Tta("flip", of="logits", by="max").combined(views)
    np.testing.assert_allclose(most, [[4.0, 1.0]], rtol=1e-12)


def test_several_labels_by_the_sigmoid():
    """Probabilities .9 and .5, and .2 and .4, each class by itself."""
    odds = np.array([[0.9, 0.2], [0.5, 0.4]])
    views = [row[None] for row in np.log(odds / (1 - odds))]
    found = Tta("flip").combined(views, multi_label=True)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-found)), [[0.7, 0.3]], rtol=1e-12
    )


def test_text_of_the_flags():
    assert parse_tta("center+4") == Tta("center+4", "probabilities", "mean")
    assert parse_tta(" flip ", "logits", "max") == Tta("flip", "logits", "max")


@pytest.mark.parametrize(
    "kind",
    ["", "centre", "center+", "center+0", "center+-1", "center+x", "center+²"]
    + ["flip=2", "multiscale=", "multiscale=a", "multiscale=1/0.1"]
    + ["multiscale=5", "multiscale=nan", "tencrop+1"],
)
def test_kinds_that_there_are_not(kind):
    with pytest.raises(InputError, match=r"tta must be .* Received: tta="):
        parse_tta(kind)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"of": "odds"}, "tta_of must be one of .* tta_of=odds"),
        ({"by": "median"}, "tta_by must be one of .* tta_by=median"),
        ({"beta": 1.5}, r"beta must be in \[0, 1\]. Received: beta=1.5"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        Tta("flip", **options)
