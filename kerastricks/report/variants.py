"""Several ways to predict, side by side: views, members, raw and average."""

from collections.abc import Mapping, Sequence
from html import escape

from kerastricks.evaluation.written import DIGITS, SHORT, told
from kerastricks.report import charts, page
from kerastricks.report.curves import column, epochs_of
from kerastricks.report.head import shown

COLUMNS = [key for key in SHORT if key not in ("f1_best", "loss_calibrated")]
AVERAGE = (
    "Measured after each epoch on the run's own validation images. What is "
    "evaluated and served is the better of all of these."
)


def variants(rows: Sequence[tuple[str, Mapping]], words: str) -> str:
    """One row each; nothing if there is but one.

    Args:
        rows: (name, numbers).
        words: what it comes to.
    """
    if len(rows) < 2:
        return ""
    keys = [key for key in COLUMNS if any(told(key, n) for _, n in rows)]
    table = page.table(
        ["", *(SHORT[key] for key in keys)],
        [[name, *(cell(key, n.get(key)) for key in keys)] for name, n in rows],
    )
    return f"<p>{escape(words)}</p>{table}"


def cell(key: str, value: float | None) -> str:
    return "".join(shown(value, page.plain if key in DIGITS else page.percent))


def raw_and_average(history: Sequence[Mapping]) -> str:
    """The weights and their average over the epochs, where a run has both."""
    if not any("average_top1" in row for row in history):
        return ""
    epochs = epochs_of(history)
    kinds = (("raw", "val_top1", 0), ("average", "average_top1", 3))
    series = [
        charts.Series(
            name,
            epochs,
            [100 * value for value in column(history, key)],
            color,
            dashed=color > 0,
        )
        for name, key, color in kinds
    ]
    chart = charts.line_chart(
        series,
        "epoch",
        "top-1, %",
        title="Top-1 of the raw weights and of their average",
        whole_x=True,
        y_bounds=(0, 100),
    )
    rows = [
        weights_row(name, column(history, key), column(history, loss))
        for (name, key, _), loss in zip(
            kinds, ("val_loss", "average_loss"), strict=True
        )
    ]
    table = page.table(("weights", "best", "in epoch", "last"), rows)
    return page.pair(
        page.figure(chart, "Top-1 by epoch"),
        page.figure(table, "In numbers", AVERAGE),
    )


def weights_row(
    name: str, values: Sequence[float], losses: Sequence[float]
) -> list[str]:
    """The best and the last of the numbers of each epoch.

    Of equal ones the best has the lowest loss, as in the run itself.
    """
    known = [
        (value, -loss, -place)
        for place, (value, loss) in enumerate(
            zip(values, losses, strict=True), 1
        )
        if value == value  # no NaN
    ]
    if not known:
        return [name, "–", "–", "–"]
    best, _, place = max(known)
    return [name, f"{best:.2%}", f"{-place}", f"{known[-1][0]:.2%}"]
