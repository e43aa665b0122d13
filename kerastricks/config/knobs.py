"""What a leaf of the recipe is, and which values it takes."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from kerastricks.errors import InputError

Value = bool | int | float | str | tuple[float, ...]


def knob(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    low: float = -math.inf,
    high: float = math.inf,
    identity: bool = True,
    spread: bool = False,
) -> Any:
    """A leaf of the recipe.

    Args:
        low, high: inclusive bounds of a number, or of each of several.
        identity: whether another value makes another experiment; a run may
            be resumed only by a recipe whose identity is the same.
        spread: whether of several numbers one may be given for all.
    """
    about = dict(
        help=help,
        choices=choices,
        low=low,
        high=high,
        identity=identity,
        spread=spread,
    )
    return dataclasses.field(default=default, metadata=about)


def checked(field: dataclasses.Field, value: Any) -> Value:
    """The value as the leaf's own type; refuses type, choice or range."""
    about: Mapping[str, Any] = field.metadata
    got = f"Received: {field.name}={value}"
    value = as_type_of(field, value)
    if about["choices"] and value not in about["choices"]:
        raise InputError(
            f"{field.name} must be one of {', '.join(about['choices'])}. {got}"
        )
    if isinstance(value, str):
        return value
    for number in value if isinstance(value, tuple) else (value,):
        if not math.isfinite(number):
            raise InputError(f"{field.name} must be a finite number. {got}")
        if not about["low"] <= number <= about["high"]:
            raise InputError(
                f"{field.name} must be in [{about['low']:g}, "
                f"{about['high']:g}]. {got}"
            )
    return value


def as_type_of(field: dataclasses.Field, value: Any) -> Any:
    """Whole numbers serve as floats and lists as tuples, nothing else."""
    default: Any = field.default
    kind = type(default)
    if kind is float and type(value) is int:
        return float(value)
    if kind is tuple and field.metadata["spread"]:
        single = [value] if type(value) in (int, float) else value
        if isinstance(single, list | tuple) and len(single) == 1:
            value = [*single] * len(default)
    if kind is tuple and isinstance(value, list | tuple):
        if len(value) == len(default) and all(
            type(number) in (int, float) for number in value
        ):
            return tuple(float(number) for number in value)
    elif type(value) is kind:
        return value
    name = f"{len(default)} numbers" if kind is tuple else kind.__name__
    if field.metadata["spread"]:
        name += ", or one for all"
    raise InputError(
        f"{field.name} must be {name}. Received: {field.name}={value!r}"
    )
