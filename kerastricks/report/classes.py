"""Which classes are found, and which are taken for which."""

from collections.abc import Sequence

import numpy as np

from kerastricks.evaluation.metrics import per_class, wilson_interval
from kerastricks.evaluation.mistakes import confused_pairs
from kerastricks.report import charts, page

# Above this many classes the cells of a matrix are too small to read.
MOST_MATRIX_CLASSES = 30
# Up to this many, half the width of the page holds the matrix.
SMALL_MATRIX = 12
WORST_CLASSES = 30
CONFUSED_PAIRS = 15


def classes(
    confusion: np.ndarray | None,
    class_names: Sequence[str],
) -> str:
    """The matrix, the most confused pairs, and recall by class.

    Args:
        confusion: int [C, C], rows are the truth.
    """
    if confusion is None:
        return ""
    confusion = square(confusion, class_names)
    pairs = pair_bars(confusion, class_names)
    recalls = recall_bars(confusion, class_names)
    if len(class_names) > MOST_MATRIX_CLASSES:
        return page.pair(pairs, recalls)
    if len(class_names) > SMALL_MATRIX:
        shown = matrix(confusion, class_names, "heat dense")
        return shown + page.pair(pairs, recalls)
    shown = matrix(confusion, class_names, "heat")
    return page.pair(shown, pairs) + f'<div class="wide">{recalls}</div>'


def square(confusion: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """The matrix, which must fit its names."""
    confusion = np.asarray(confusion)
    if confusion.shape != (len(class_names), len(class_names)):
        raise ValueError(
            "confusion must be [C, C] for C class names. Received: "
            f"confusion.shape={confusion.shape}, names={len(class_names)}"
        )
    return confusion


def matrix(confusion: np.ndarray, class_names: Sequence[str], kind: str) -> str:
    shown = charts.heat_map(
        confusion,
        class_names,
        title="Confusion matrix",
        corner="is ↓  predicted →",
        kind=kind,
    )
    return page.figure(
        page.scroll(shown),
        "Confusion matrix",
        "Blue is right, orange is wrong. A shade is a share of its row; "
        "for mistakes its square root, so that rare ones show.",
    )


def pair_bars(confusion: np.ndarray, class_names: Sequence[str]) -> str:
    found = confused_pairs(confusion, CONFUSED_PAIRS)
    if not found:
        return page.figure("<p>No mistakes.</p>", "Most confused")
    support = confusion.sum(axis=1)
    shares = [count / support[truth] for truth, _, count in found]
    bars = charts.bar_chart(
        [f"{class_names[t]} → {class_names[p]}" for t, p, _ in found],
        [share / max(shares) for share in shares],
        title="Most confused classes",
        heads=("is → predicted", "", "of its class", "count"),
        columns=(
            [f"{share:.1%}" for share in shares],
            [f"{count:,}" for _, _, count in found],
        ),
        kind="bars misses",
    )
    return page.figure(page.scroll(bars), "Most confused")


def recall_bars(confusion: np.ndarray, class_names: Sequence[str]) -> str:
    """Recall as bars, worst first, of the classes that have samples."""
    scores = per_class(confusion)
    order = np.argsort(scores.recall, kind="stable")
    order = order[scores.support[order] > 0]
    rows = order[:WORST_CLASSES]
    if not len(rows):
        return ""
    bars = charts.bar_chart(
        [class_names[i] for i in rows],
        scores.recall[rows],
        title="Recall by class, worst first",
        heads=("class", "recall, %", "", "precision", "F1", "n"),
        columns=(
            percents(scores.recall[rows]),
            percents(scores.precision[rows]),
            percents(scores.f1[rows]),
            [f"{n:,}" for n in scores.support[rows]],
        ),
        ranges=[
            wilson_interval(scores.recall[i], int(scores.support[i]))
            for i in rows
        ],
    )
    told = ["The line is the 95% interval of so few images."]
    if hidden := len(order) - len(rows):
        told.append(f"The other {hidden:,} classes do no worse.")
    return page.figure(
        page.scroll(bars), "Recall by class, worst first", " ".join(told)
    )


def percents(shares: np.ndarray) -> list[str]:
    return [f"{100 * share:.1f}" for share in shares]
