import numpy as np
import pytest
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.partner import check_mixing, drawn_per, partners

pytestmark = pytest.mark.traced


def keys(count, step=3):
    return np.array([[step, place] for place in range(count)], np.int32)


def order(count, partner, purpose="order"):
    found = partners(ops.convert_to_tensor(keys(count)), purpose, partner)
    return ops.convert_to_numpy(found)


@pytest.mark.parametrize(
    "partner, count, expected",
    [
        ("roll", 5, [4, 0, 1, 2, 3]),
        ("roll", 4, [3, 0, 1, 2]),
        ("roll", 1, [0]),
        ("reverse", 4, [3, 2, 1, 0]),
        # The one in the middle stays alone.
        ("reverse", 5, [4, 3, 2, 1, 0]),
        ("reverse", 1, [0]),
        ("permutation", 1, [0]),
    ],
)
def test_partners(partner, count, expected):
    np.testing.assert_array_equal(order(count, partner), expected)


def test_a_permutation_comes_from_the_keys_and_the_purpose():
    expected = draws.permutation(keys(9), "order")
    np.testing.assert_array_equal(
        order(9, "permutation"), ops.convert_to_numpy(expected)
    )
    assert (order(9, "permutation") != order(9, "permutation", "b")).any()


def test_a_batch_draws_once_and_samples_each_for_themselves():
    each = ops.convert_to_numpy(draws.uniform(keys(4), "box", 3))
    found = ops.convert_to_numpy(drawn_per(keys(4), "box", "sample", 3))
    np.testing.assert_array_equal(found, each)
    found = ops.convert_to_numpy(drawn_per(keys(4), "box", "batch", 3))
    np.testing.assert_array_equal(found, each[:1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0.0, "batch", "roll"), r"alpha must be above 0\. Received: alpha=0"),
        (
            (1.0, "pair", "roll"),
            r"per must be one of batch, sample\. Received: per=pair",
        ),
        (
            (1.0, "sample", "best"),
            r"partner must be one of permutation, roll, reverse\. "
            "Received: partner=best",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_mixing(*arguments)


def test_good_arguments():
    for per in ("batch", "sample"):
        for partner in ("permutation", "roll", "reverse"):
            check_mixing(0.1, per, partner)
