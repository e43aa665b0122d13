"""The numbers of an evaluation on a terminal."""

from collections.abc import Mapping, Sequence

from kerastricks.evaluation.written import NAMES, told, written

Numbers = Mapping[str, float]
WIDEST = 22  # of a column; names of runs may be longer


def table(columns: Sequence[tuple[str, Numbers]]) -> str:
    """A line a number, a column for each way to predict.

    Args:
        columns: (name, numbers); a single one needs no name.
    """
    rows = [["", *(shortened(name) for name, _ in columns)]]
    for key, name in NAMES.items():
        if not any(told(key, numbers) for _, numbers in columns):
            continue
        cells = [written(key, numbers.get(key)) for _, numbers in columns]
        rows.append([name, *cells])
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


def ends(numbers: Numbers) -> str:
    """Of the interval of top-1, as 91.52–93.04%."""
    if "top1_low" not in numbers:
        return ""
    return f"{100 * numbers['top1_low']:.1f}–{100 * numbers['top1_high']:.1f}%"


def shortened(name: str) -> str:
    """The end of a name, where runs differ, if it is long."""
    return name if len(name) <= WIDEST else f"…{name[1 - WIDEST :]}"
