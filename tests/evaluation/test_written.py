"""What an evaluation's numbers are called and how they are written."""

import pytest

from kerastricks.evaluation.written import DIGITS, NAMES, SHORT, written


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


def test_each_number_has_both_names():
    assert list(SHORT) == list(NAMES)
    assert set(DIGITS) <= set(NAMES)
