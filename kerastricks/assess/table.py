"""The numbers of an evaluation on a terminal."""

import math
from collections.abc import Mapping, Sequence

Numbers = Mapping[str, float]
WIDEST = 22  # of a column; names of runs may be longer
# key, what it is called, its digits, whether it is shown in percent
LINES = (
    ("top1", "top-1", 2, True),
    ("top5", "top-5", 2, True),
    ("mean_average_precision", "mAP", 2, True),
    ("f1", "F1 at 50%", 2, True),
    ("f1_best", "F1 at thresholds", 2, True),
    ("loss", "loss", 4, False),
    ("ece", "calibration error", 2, True),
    ("temperature", "temperature", 3, False),
    ("loss_calibrated", "loss after it", 4, False),
    ("ece_calibrated", "calibration error after it", 2, True),
)


def table(columns: Sequence[tuple[str, Numbers]]) -> str:
    """A line a number, a column for each way to predict.

    Args:
        columns: (name, numbers); a single one needs no name.
    """
    rows = [["", *(shortened(name) for name, _ in columns)]]
    for key, label, digits, percent in LINES:
        if not any(key in numbers for _, numbers in columns):
            continue
        rows.append(
            [label]
            + [
                cell(numbers.get(key), digits, percent)
                for _, numbers in columns
            ]
        )
        if key == "top1":
            rows.append(["  95% interval", *(ends(n) for _, n in columns)])
    if not any(rows[0]):
        rows = rows[1:]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [
                text.rjust(width)
                for text, width in zip(row[1:], widths[1:], strict=True)
            ]
        ).rstrip()
        for row in rows
    )


def cell(value: float | None, digits: int, percent: bool) -> str:
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    return f"{100 * value:.{digits}f}%" if percent else f"{value:.{digits}f}"


def ends(numbers: Numbers) -> str:
    """Of the interval of top-1, as 91.52–93.04%."""
    if "top1_low" not in numbers:
        return ""
    return f"{100 * numbers['top1_low']:.1f}–{100 * numbers['top1_high']:.1f}%"


def shortened(name: str) -> str:
    """The end of a name, where runs differ, if it is long."""
    return name if len(name) <= WIDEST else f"…{name[1 - WIDEST :]}"
