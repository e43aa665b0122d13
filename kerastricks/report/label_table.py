"""The report's section on classes where an image may have several, or none."""

from collections.abc import Sequence

import numpy as np

from kerastricks.evaluation.multi_label import LabelScores
from kerastricks.report import charts, page

WORST_CLASSES = 30


def label_table(
    scores: LabelScores,
    class_names: Sequence[str],
    thresholds: tuple[np.ndarray, np.ndarray] | None = None,
) -> str:
    """Average precision as bars, worst first, of the classes with images.

    Args:
        thresholds: (the best ones, F1 at these), each [C].
    """
    if len(scores.support) != len(class_names):
        raise ValueError(
            "scores must be [C] for C class names. Received: "
            f"scores={len(scores.support)}, names={len(class_names)}"
        )
    order = np.argsort(scores.average_precision, kind="stable")
    order = order[scores.support[order] > 0]
    shown = order[:WORST_CLASSES]
    more_heads: tuple[str, ...] = ()
    more: tuple[list[str], ...] = ()
    if thresholds is not None:
        more_heads = ("threshold", "F1 there")
        more = tuple(percents(column[shown]) for column in thresholds)
    bars = charts.bar_chart(
        [class_names[i] for i in shown],
        scores.average_precision[shown],
        title="Average precision by class, worst first",
        heads=("class", "average precision, %", "", "precision", "recall")
        + ("F1", *more_heads, "n"),
        columns=(
            percents(scores.average_precision[shown]),
            percents(scores.precision[shown]),
            percents(scores.recall[shown]),
            percents(scores.f1[shown]),
            *more,
            [f"{n:,}" for n in scores.support[shown]],
        ),
    )
    return page.figure(
        page.scroll(bars),
        "Average precision by class, worst first",
        caption(len(order) - len(shown), len(class_names) - len(order)),
    )


def caption(hidden: int, absent: int) -> str:
    """What the table means and leaves out."""
    told = ["Precision, recall and F1 at a probability of 50%."]
    if hidden:
        told.append(f"The other {hidden:,} classes do no worse.")
    if absent:
        told.append(f"Classes that no image here has: {absent:,}.")
    return " ".join(told)


def percents(shares: np.ndarray) -> list[str]:
    return [
        "NaN" if np.isnan(share) else f"{100 * share:.1f}" for share in shares
    ]
