"""Whether the probabilities mean what they say, before and after a temperature.

A prediction of 80 % that is true in 80 % of the cases is calibrated.
"""

from dataclasses import dataclass
from html import escape

import numpy as np

from kerastricks.evaluation.metrics import Reliability
from kerastricks.report import charts, page
from kerastricks.report.classes import percents

# What the calibration is about: one answer an image, or one for each class.
CLAIMS = (
    "On average it claims {claimed:.1%} and is right {right:.1%} of the time: "
)
LABEL_CLAIMS = (
    "On average it gives each class {claimed:.1%}, and {right:.1%} are true: "
)
ABOUT = (
    "A dot is a bin of predictions, its area their share. On the dotted "
    "line confidence is accuracy; the sticks are the gaps."
)


@dataclass(frozen=True)
class Calibrated:
    """What dividing the logits by one number makes of it.

    Args:
        ece: (before, after).
        fitted: where the temperature comes from, as the end of a sentence.
    """

    temperature: float
    reliability: Reliability
    ece: tuple[float, float]
    fitted: str = "fitted on these images"


def calibration(
    reliability: Reliability | None,
    words: str,
    after: Calibrated | None = None,
) -> str:
    """The diagrams and the numbers.

    Args:
        words: `CLAIMS`, or `LABEL_CLAIMS`.
    """
    if reliability is None or not np.sum(reliability.count):
        return ""
    verdict = f"<p>{escape(judgement(reliability, words))}</p>"
    numbers = page.figure(verdict + bin_table(reliability), "In numbers")
    if after is None:
        return page.pair(diagram(reliability, "Reliability", ABOUT), numbers)
    told = (
        f"<p>{escape(judgement(reliability, words))}</p>"
        f"<p>{escape(remedy(after))}</p>"
    )
    diagrams = page.pair(
        diagram(reliability, "As it is", ABOUT),
        diagram(after.reliability, f"At temperature {after.temperature:.3g}"),
    )
    tables = page.pair(
        page.figure(bin_table(reliability), "As it is, in numbers"),
        page.figure(bin_table(after.reliability), "Calibrated, in numbers"),
    )
    folded = page.details("In numbers", tables)
    return f'{told}{diagrams}<div class="wide">{folded}</div>'


def diagram(reliability: Reliability, title: str, caption: str = "") -> str:
    chart = charts.reliability_chart(
        reliability.count,
        reliability.confidence,
        reliability.accuracy,
        title="Reliability diagram",
    )
    return page.figure(chart, title, caption)


def remedy(after: Calibrated) -> str:
    """What the temperature changes, in words."""
    before, now = (100 * value for value in after.ece)
    return (
        f"Divided by the temperature {after.temperature:.3g} ({after.fitted}) "
        f"the logits' calibration error is {now:.2f}%, without it "
        f"{before:.2f}%. No prediction changes."
    )


def bin_table(reliability: Reliability) -> str:
    count = reliability.count
    edges = 100 * np.arange(len(count) + 1) / len(count)
    filled = np.flatnonzero(count)
    return page.table(
        ("bin", "samples", "confidence, %", "accuracy, %"),
        zip(
            [f"{edges[i]:.0f}–{edges[i + 1]:.0f}%" for i in filled],
            [f"{count[i]:,}" for i in filled],
            percents(reliability.confidence[filled]),
            percents(reliability.accuracy[filled]),
            strict=True,
        ),
    )


def judgement(reliability: Reliability, words: str) -> str:
    """Says which way the model errs, in points of accuracy."""
    count = reliability.count
    claimed = float(np.average(reliability.confidence, weights=count))
    right = float(np.average(reliability.accuracy, weights=count))
    gap = 100 * (claimed - right)
    told = words.format(claimed=claimed, right=right)
    if abs(gap) < 0.5:
        return told + "confident by about the right amount."
    way = "over" if gap > 0 else "under"
    return told + f"{way}-confident by {abs(gap):.1f} points."
