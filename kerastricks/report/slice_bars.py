"""Accuracy over parts of the images, each with its interval."""

from collections.abc import Sequence

import numpy as np

from kerastricks.evaluation.slices import Slice
from kerastricks.report import charts, page
from kerastricks.report.classes import percents

CAPTION = (
    "The line is the 95% interval: where those of two parts overlap widely, "
    "chance explains the difference."
)


def slice_bars(slices: Sequence[Slice], what: str) -> str:
    """Bars in the order given; nothing of fewer than two parts.

    Args:
        what: the parts are by, as in "image size".
    """
    if len(slices) < 2:
        return ""
    bars = charts.bar_chart(
        [part.name for part in slices],
        [part.accuracy for part in slices],
        title=f"Top-1 accuracy by {what}",
        heads=(what, "top-1, %", "", "95% interval", "n"),
        columns=(
            percents(np.array([part.accuracy for part in slices])),
            [f"{100 * one.low:.1f}–{100 * one.high:.1f}" for one in slices],
            [f"{part.count:,}" for part in slices],
        ),
        ranges=[(part.low, part.high) for part in slices],
    )
    return page.figure(page.scroll(bars), f"Top-1 accuracy by {what}", CAPTION)
