"""Loss, accuracy, learning rate and speed by epoch."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from kerastricks.report import charts, page
from kerastricks.report.head import shown

History = Sequence[Mapping]


def curves(history: History, rates: Sequence[tuple[float, float]]) -> str:
    """All figures, and every epoch in numbers.

    Args:
        history: one row per epoch; a key may be missing, NaN is a gap.
        rates: (epoch, learning rate) along the whole schedule.
    """
    if not history:
        return rate_figure(history, rates)
    figures = [
        loss_figure(history),
        accuracy_figure(history),
        rate_figure(history, rates),
        speed_figure(history),
    ]
    heads = list(dict.fromkeys(key for row in history for key in row))
    rows = [[cell(row.get(key)) for key in heads] for row in history]
    numbers = page.details(
        "Every epoch in numbers", page.table(heads, rows), f"{len(rows):,}"
    )
    return page.pair(*figures) + f'<div class="wide">{numbers}</div>'


def loss_figure(history: History) -> str:
    series = train_val(history, "loss", 1.0)
    if not series:
        return ""
    best = min(validation(series), key=lambda p: p[1], default=None)
    svg = charts.line_chart(
        series,
        "epoch",
        axis_name(series, "nats"),
        title="Loss by epoch",
        whole_x=True,
        mark=best,
    )
    return page.figure(svg, "Loss", best_of(best, ""))


def accuracy_figure(history: History) -> str:
    series = train_val(history, "top1", 100.0)
    if not series:
        return ""
    # Of equally good epochs the one with the lower loss, as in training.
    losses = dict(validation(train_val(history, "loss", 1.0)))
    best = max(
        validation(series),
        key=lambda p: (p[1], -losses.get(p[0], math.inf)),
        default=None,
    )
    svg = charts.line_chart(
        series,
        "epoch",
        axis_name(series, "%"),
        title="Top-1 accuracy by epoch",
        whole_x=True,
        y_bounds=(0, 100),
        mark=best,
    )
    return page.figure(svg, "Top-1 accuracy", best_of(best, "%"))


def train_val(history: History, key: str, scale: float) -> list[charts.Series]:
    """The training and the validation curve, as far as there are any."""
    epochs, series = epochs_of(history), []
    for name, where, color in (
        ("training", key, 1),
        ("training, clean", f"clean_{key}", 2),
        ("average's validation", f"average_{key}", 3),
        ("validation", f"val_{key}", 0),
    ):
        if any(where in row for row in history):
            values = [scale * value for value in column(history, where)]
            series.append(
                charts.Series(name, epochs, values, color, dashed=color > 0)
            )
    return series


def validation(series: Sequence[charts.Series]) -> list[tuple[float, float]]:
    """The points of its curve that are numbers."""
    last = series[-1]
    if last.name != "validation":
        return []
    points = zip(last.x, last.y, strict=True)
    return [point for point in points if math.isfinite(point[1])]


def axis_name(series: Sequence[charts.Series], unit: str) -> str:
    """A single curve has no legend, so its axis says what it is."""
    return unit if len(series) > 1 else f"{series[0].name}, {unit}"


def best_of(point: tuple[float, float] | None, unit: str) -> str:
    if point is None:
        return ""
    return f"Best validation {point[1]:.4g}{unit}, in epoch {point[0]:g}."


def rate_figure(history: History, rates: Sequence[tuple[float, float]]) -> str:
    """The schedule, or where none is given the rate that each epoch logged."""
    points = list(rates) or list(
        zip(epochs_of(history), column(history, "learning_rate"), strict=True)
    )
    known = [rate for _, rate in points if math.isfinite(rate)]
    if not known:
        return ""
    series = charts.Series(
        "learning rate", [p[0] for p in points], [p[1] for p in points]
    )
    svg = charts.line_chart(
        [series],
        "epoch",
        "per step",
        title="Learning rate",
        whole_x=True,
        from_zero=True,
    )
    return page.figure(svg, "Learning rate", f"Peak {max(known):.4g}.")


def speed_figure(history: History) -> str:
    speeds = column(history, "images_per_second")
    known = [speed for speed in speeds if math.isfinite(speed)]
    if not known:
        return ""
    svg = charts.line_chart(
        [charts.Series("images per second", epochs_of(history), speeds)],
        "epoch",
        "images/s",
        title="Throughput by epoch",
        whole_x=True,
        from_zero=True,
    )
    caption = f"Median {np.median(known):,.0f} images/s."
    return page.figure(svg, "Throughput", caption)


def epochs_of(history: History) -> list[float]:
    """The epochs, counted from 1 where a row does not say."""
    known = enumerate(column(history, "epoch"), start=1)
    return [value if math.isfinite(value) else place for place, value in known]


def column(history: History, key: str) -> list[float]:
    """One number of each epoch; NaN where it is missing."""
    values = (row.get(key) for row in history)
    return [math.nan if value is None else float(value) for value in values]


def cell(value: object) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, float):
        return shown(value, page.plain)[0]
    return f"{value:,}" if isinstance(value, int) else str(value)
