import math

import numpy as np
import pytest

from kerastricks.evaluation import averaged_logits, sigmoid, softmax

A = np.log(np.array([[0.8, 0.1, 0.1], [0.2, 0.2, 0.6]]))
B = np.log(np.array([[0.2, 0.5, 0.3], [0.4, 0.1, 0.5]])) + 7


def test_the_mean_of_probabilities_by_hand():
    np.testing.assert_allclose(
        softmax(averaged_logits([A, B])),
        [[0.5, 0.3, 0.2], [0.3, 0.15, 0.55]],
    )
    np.testing.assert_allclose(
        softmax(averaged_logits([A, B], weights=[3, 1])),
        [[0.65, 0.2, 0.15], [0.25, 0.175, 0.575]],
    )


def test_the_mean_of_logits_is_geometric():
    roots = np.sqrt([[0.16, 0.05, 0.03], [0.08, 0.02, 0.3]])
    np.testing.assert_allclose(
        softmax(averaged_logits([A, B], of="logits")),
        roots / roots.sum(axis=1, keepdims=True),
    )
    np.testing.assert_allclose(
        averaged_logits([A, B], weights=[3, 1], of="logits"), (3 * A + B) / 4
    )


def test_the_maximum():
    highest = np.array([[0.8, 0.5, 0.3], [0.4, 0.2, 0.6]])
    np.testing.assert_allclose(
        softmax(averaged_logits([A, B], by="max")),
        highest / highest.sum(axis=1, keepdims=True),
    )
    np.testing.assert_array_equal(
        averaged_logits([A, B], of="logits", by="max"), np.maximum(A, B)
    )


def test_sigmoids_are_averaged_class_by_class():
    a, b = np.array([[0.0, math.log(3)]]), np.array([[math.log(9), -2.0]])
    chances = [sigmoid(a), sigmoid(b)]
    found = averaged_logits([a, b], multi_label=True)
    np.testing.assert_allclose(sigmoid(found), np.mean(chances, axis=0))
    np.testing.assert_allclose(sigmoid(found)[0, 0], 0.7)
    weighted = averaged_logits([a, b], weights=[1, 3], multi_label=True)
    np.testing.assert_allclose(sigmoid(weighted)[0, 0], 0.8)
    highest = averaged_logits([a, b], by="max", multi_label=True)
    np.testing.assert_allclose(sigmoid(highest), np.max(chances, axis=0))


def test_nothing_is_lost_far_out():
    sure = np.array([[2000.0, 0.0]])
    found = averaged_logits([sure, sure])
    np.testing.assert_allclose(found, [[0.0, -2000.0]])
    np.testing.assert_allclose(
        averaged_logits([sure, sure], multi_label=True), sure
    )
    # log of (1 + exp(-2000)) / 2 and of the same beside it
    half = averaged_logits([sure, sure[:, ::-1]])
    np.testing.assert_allclose(half, np.full((1, 2), -math.log(2)))


def test_one_alone_and_a_weight_of_zero():
    random = np.random.RandomState(0)
    parts = [random.normal(0, 5, (9, 4)).astype(np.float32) for _ in range(3)]
    alone = averaged_logits(parts[:1])
    assert alone.dtype == np.float64
    np.testing.assert_allclose(softmax(alone), softmax(parts[0]), rtol=1e-12)
    for by in ("mean", "max"):
        np.testing.assert_array_equal(
            averaged_logits(parts, weights=[1, 0, 1], by=by),
            averaged_logits([parts[0], parts[2]], by=by),
        )


def test_a_nan_is_not_averaged_away():
    broken = np.array([[math.nan, 1, 2], [1, 2, 3]])
    for options in ({}, {"of": "logits"}, {"by": "max"}):
        found = averaged_logits([A, broken], **options)
        assert np.isnan(softmax(found)[0]).all()
        assert not np.isnan(found[1]).any()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"shapes=\[\(1, 2\), \(2, 3\)\]"):
        averaged_logits([A, np.zeros((1, 2))])
    with pytest.raises(ValueError, match=r"shapes=\[\]"):
        averaged_logits([])
    with pytest.raises(ValueError, match="of=votes"):
        averaged_logits([A], of="votes")
    with pytest.raises(ValueError, match="by=median"):
        averaged_logits([A], by="median")
    for weights in ([1], [0, 0], [2, -1], [math.nan, 1]):
        with pytest.raises(ValueError, match="weights must be one for each"):
            averaged_logits([A, B], weights=weights)
