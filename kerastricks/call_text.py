"""Another library's class and its options, as a flag names them.

    Name    Name(option=value)

Nothing is run: values are literals.
"""

import ast
from typing import Any

from kerastricks.errors import InputError


def parse_call(text: str, knob: str, kinds: str) -> tuple[str, dict[str, Any]]:
    """(class name, options) of what follows `keras_cv:`.

    Args:
        knob: the flag that was given, and `kinds`, what it names: for errors.
    """
    try:
        call = ast.parse(text if "(" in text else f"{text}()", mode="eval").body
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            raise ValueError("no call")
        if call.args or not all(option.arg for option in call.keywords):
            raise ValueError("options without names")
        options = {
            str(option.arg): ast.literal_eval(option.value)
            for option in call.keywords
        }
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"keras_cv {kinds} are keras_cv:Name or keras_cv:Name(option="
            f"value). Received: {knob}=keras_cv:{text}"
        ) from error
    return call.func.id, options


def split_outside(text: str) -> list[str]:
    """What stands between commas, those in brackets left alone.

    Example:
        split_outside("runs/a, keras:X(alpha=1,k=2)")  # two of them
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
