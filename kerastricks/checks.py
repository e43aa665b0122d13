"""What an argument may be: each says the rule and what it was given instead.

By name, as in check_choice(("a", "b"), law=law).
"""

from collections.abc import Sequence
from typing import Any

from kerastricks.errors import InputError


def check_choice(known: Sequence[str], **named: str) -> None:
    """One of these."""
    for name, value in named.items():
        if value not in known:
            refuse(name, f"one of {', '.join(known)}", value)


def check_probability(**named: float) -> None:
    """From 0 to 1, both included."""
    for name, value in named.items():
        if not 0 <= value <= 1:
            refuse(name, "in [0, 1]", value)


def check_share(**named: Any) -> None:
    """From 0 to 1, without the 1; or a schedule, which is not looked into."""
    for name, value in named.items():
        if not callable(value) and not 0 <= value < 1:
            refuse(name, "in [0, 1)", value)


def check_positive(**named: float) -> None:
    """Above 0."""
    for name, value in named.items():
        if not value > 0:
            refuse(name, "above 0", value)


def check_least(least: float, **named: float) -> None:
    """Not below a number."""
    for name, value in named.items():
        if not value >= least:
            refuse(name, f"at least {least}", value)


def check_inside(**named: float) -> None:
    """Between 0 and 1, none of them included."""
    for name, value in named.items():
        if not 0 < value < 1:
            refuse(name, "between 0 and 1", value)


def check_range(**named: tuple[float, float]) -> None:
    """Two positive numbers, the smaller one first."""
    for name, (low, high) in named.items():
        if not 0 < low <= high:
            refuse(name, "0 < smallest <= largest", (low, high))


def refuse(name: str, rule: str, value: Any) -> None:
    raise InputError(f"{name} must be {rule}. Received: {name}={value}")
