"""What an evaluation's numbers are called and how they are written."""

import pytest

from kerastricks.evaluation.written import DIGITS, NAMES, SHORT, told, written


@pytest.mark.parametrize(
    "key, value, text",
    [
        ("top1", 0.91234, "91.23%"),
        ("loss", 0.31209, "0.3121"),
        ("temperature", 1.2346, "1.235"),
        ("ece", float("nan"), "NaN"),
        ("f1", None, "–"),
    ],
)
def test_shares_are_in_per_cent(key, value, text):
    assert written(key, value) == text


def test_the_best_five_of_five_classes_tell_nothing():
    assert told("top5", {"top5": 0.9}) and told("top1", {"top1": 0.0})
    assert told("top5", {"top5": 0.9, "num_classes": 6})
    assert not told("top5", {"top5": 1.0, "num_classes": 5})
    assert told("loss", {"loss": float("nan")})
    assert not told("f1", {"top1": 0.9}) and not told("f1", {"f1": None})


def test_each_number_has_both_names():
    assert list(SHORT) == list(NAMES)
    assert set(DIGITS) <= set(NAMES)
