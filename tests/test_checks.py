"""What arguments may be."""

import pytest

from kerastricks.checks import (
    check_choice,
    check_inside,
    check_least,
    check_positive,
    check_probability,
    check_range,
    check_share,
)

NAN = float("nan")


@pytest.mark.parametrize(
    "check, good, bad, rule",
    [
        (check_probability, (0, 0.3, 1), (-0.1, 1.1, NAN), r"in \[0, 1\]"),
        (check_share, (0, 0.3, abs), (-0.1, 1, NAN), r"in \[0, 1\)"),
        (check_inside, (1e-9, 0.3), (0, 1, NAN), "between 0 and 1"),
        (check_positive, (1e-9, 3), (0, -1.0, NAN), "above 0"),
    ],
    ids=["probability", "share", "inside", "positive"],
)
def test_checks_of_numbers(check, good, bad, rule):
    for value in good:
        check(a=0.5, share=value)
    for value in bad:
        message = rf"^share must be {rule}\. Received: share={value}$"
        with pytest.raises(ValueError, match=message):
            check(a=0.5, share=value)


def test_check_of_a_choice():
    check_choice(("a", "b"), letter="a", other="b")
    message = r"^letter must be one of a, b\. Received: letter=c$"
    with pytest.raises(ValueError, match=message):
        check_choice(("a", "b"), other="a", letter="c")


def test_check_of_a_least_value():
    check_least(1, steps=1, every=3)
    message = r"^every must be at least 1\. Received: every=0$"
    with pytest.raises(ValueError, match=message):
        check_least(1, steps=2, every=0)


@pytest.mark.parametrize("given", [(0, 1), (2, 1), (NAN, 1)])
def test_check_of_a_range(given):
    check_range(area=(0.1, 0.1))
    with pytest.raises(ValueError, match="0 < smallest <= largest. Received"):
        check_range(area=given)
