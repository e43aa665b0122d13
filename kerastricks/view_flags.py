"""How --tta's views are combined: what evaluate and export both ask."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kerastricks import flags
from kerastricks.errors import InputError

if TYPE_CHECKING:
    from kerastricks.evaluation.tta import Tta

COMBINED = (
    flags.Flag(
        "tta_of",
        "probabilities",
        "what of the views is combined",
        ("probabilities", "logits"),
    ),
    flags.Flag("tta_by", "mean", "how it is combined", ("mean", "max")),
)


def refuse_idle(values: Mapping[str, Any]) -> None:
    """It matters only where there are views."""
    for flag in COMBINED:
        value = values[flag.name]
        if not values["tta"] and value != flag.default:
            raise InputError(
                "this says how views are combined, of which there are none "
                f"without --tta. Received: {flag.name}={value}"
            )


def tta(values: Mapping[str, Any]) -> "Tta | None":
    """What the flags ask for, if anything."""
    from kerastricks.evaluation.tta import parse_tta

    if not values["tta"]:
        return None
    return parse_tta(values["tta"], values["tta_of"], values["tta_by"])
