"""Pictures with a strong and a quiet line below: mistakes, and what differs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from kerastricks.report import page


@dataclass(frozen=True)
class Picture:
    """One picture of the report, with a strong and a quiet line below."""

    png_or_jpeg: bytes
    caption: str
    detail: str


def mistake(
    png_or_jpeg: bytes, predicted: str, probability: float, truth: str
) -> Picture:
    """A wrong prediction: "predicted cat 98%" over "is dog"."""
    return Picture(
        png_or_jpeg, f"predicted {claim(predicted, probability)}", f"is {truth}"
    )


def mislabelled(
    png_or_jpeg: bytes,
    predicted: Sequence[tuple[str, float]],
    truths: Sequence[str],
) -> Picture:
    """Wrong labels: "predicted cat 98%, sofa 61%" over "is dog".

    Args:
        predicted: (name, probability), most probable first.
        truths: names of all that is on the picture.
    """
    claims = ", ".join(claim(*one) for one in predicted)
    return Picture(
        png_or_jpeg,
        f"predicted {claims or 'none'}",
        f"is {', '.join(truths) or 'none of the classes'}",
    )


def claim(name: str, share: float) -> str:
    """cat 98%"""
    return f"{name} NaN" if math.isnan(share) else f"{name} {share:.0%}"


def grid(pictures: Sequence[Picture], kind: str = "pictures") -> str:
    """All of them, as many side by side as there is room for.

    Args:
        kind: `pictures`, or `pictures triples` where each is three in a row.
    """
    shown = "".join(
        f"<figure>{page.picture(one.png_or_jpeg, one.caption)}<figcaption>"
        f"<b>{escape(one.caption)}</b>{escape(one.detail)}</figcaption>"
        "</figure>"
        for one in pictures
    )
    return f'<div class="{escape(kind)}">{shown}</div>' if shown else ""
