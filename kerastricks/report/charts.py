"""Charts as text: SVG for curves, HTML tables for bars and heat maps.

Nothing here names a colour: every mark has a class, and `page.CSS` paints
the classes for the light and the dark theme.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

# The plot, in the units of the SVG; the sides leave room for tick labels at
# the largest size that CSS gives them, which is on a phone.
WIDTH, HEIGHT = 520, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 506, 36, 250

# Beyond these the arithmetic of an axis overflows: drawn as a gap, as zero.
LARGEST, SMALLEST = 1e100, 1e-100
# A spread below this share of the values is rounding, not a curve.
SMALLEST_SPREAD = 1e-9
# Shades on which text must turn, in the dark theme and in the light one: the
# points of equal contrast for dark and for light text on the blue.
DEEP = ((0.6, " deep"), (0.78, " deeper"))
# Above this many points of a series, hover targets only cost bytes.
MOST_TARGETS = 400


@dataclass(frozen=True)
class Series:
    """One curve; `color` is 0 to 3, and a dash serves whoever sees no hue."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: int = 0
    dashed: bool = False

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(
                "A series needs one y for each x. Received: "
                f"name={self.name!r}, {len(self.x)} x, {len(self.y)} y"
            )


@dataclass(frozen=True)
class Axis:
    """Places values between `low` and `high` on `start` to `stop`."""

    low: float
    high: float
    start: float
    stop: float
    ticks: tuple[float, ...]
    step: float

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)


def tick_step(span: float, count: int) -> float:
    """The smallest of 1, 2, 5 x 10^k that cuts span in at most count."""
    rough = span / count * (1 - SMALLEST_SPREAD)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= rough)


def axis_around(
    values: Sequence[float],
    start: float,
    stop: float,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Axis:
    """An axis that ends on the ticks around the values."""
    low, high = _spread(values)
    low, high = max(low, bounds[0]), min(high, bounds[1])
    step = tick_step(high - low, 5)
    ticks = _multiples(
        math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6), step
    )
    return Axis(ticks[0], ticks[-1], start, stop, ticks, step)


def axis_within(
    values: Sequence[float], start: float, stop: float, whole: bool = False
) -> Axis:
    """An axis that ends on the values; whole=True has integer ticks only."""
    low, high = _spread(values)
    step = tick_step(high - low, 6)
    step = max(step, 1.0) if whole else step
    ticks = _multiples(
        math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6), step
    )
    return Axis(low, high, start, stop, ticks, step)


def tick_label(value: float, step: float) -> str:
    """The value with as many digits as the step needs: 0.25, 2e-5."""
    largest = max(abs(value), step)
    if value == 0:
        return "0"
    if largest < 1e5 and step >= 1e-4:
        return f"{value:.{max(0, -_exponent(step))}f}"
    digits = _exponent(largest) - _exponent(step)
    mantissa, exponent = f"{value:.{max(0, digits)}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _exponent(value: float) -> int:
    """Where the first digit stands: 0.02 is -2, 300 is 2."""
    return math.floor(math.log10(value) + SMALLEST_SPREAD)


def line_chart(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    *,
    title: str,
    whole_x: bool = False,
    y_bounds: tuple[float, float] = (-math.inf, math.inf),
    from_zero: bool = False,
    mark: tuple[float, float] | None = None,
) -> str:
    """Curves over one pair of axes, as an SVG string.

    A value that is not finite is a gap; a point between gaps is a dot.

    Args:
        series: curves, drawn in order.
        x_label, y_label: below the axis, and above it.
        title: what a screen reader says first.
        whole_x: only integer ticks, as for epochs.
        y_bounds: the y axis never reaches beyond these.
        from_zero: the y axis reaches 0.
        mark: the point (x, y) of a curve to circle.
    """
    points = [_points(one) for one in series]
    flat = [point for one in points for point in one if point is not None]
    x = axis_within([p[0] for p in flat], LEFT, RIGHT, whole_x)
    heights = [p[1] for p in flat] + ([0.0] if from_zero and flat else [])
    y = axis_around(heights, BOTTOM, TOP, y_bounds)
    parts = [_grid(x, y, x_label, y_label)]
    parts += [_curve(s, p, x, y) for s, p in zip(series, points, strict=True)]
    if mark in flat:
        parts.append(_circle("mark", x.place(mark[0]), y.place(mark[1]), 6))
    if not flat:
        parts.append(_text("empty", (LEFT + RIGHT) / 2, 143, "no data"))
    if len(series) > 1:
        parts.append(_legend(series))
    spoken = [_spoken(s, p) for s, p in zip(series, points, strict=True)]
    return _svg(title, "; ".join(spoken), parts)


def reliability_chart(
    count: np.ndarray,
    confidence: np.ndarray,
    accuracy: np.ndarray,
    *,
    title: str,
) -> str:
    """Accuracy over confidence: a dot per bin, its area the bin's share.

    The stick from each dot to the diagonal is the bin's calibration gap.
    """
    x = Axis(0, 100, LEFT, RIGHT, _multiples(0, 5, 20), 20)
    y = Axis(0, 100, BOTTOM, TOP, _multiples(0, 5, 20), 20)
    diagonal = f'<path class="diagonal" d="M{LEFT} {BOTTOM}L{RIGHT} {TOP}"/>'
    parts = [_grid(x, y, "confidence, %", "accuracy, %"), diagonal]
    total = max(1, sum(int(c) for c in count))
    for size, says, right in zip(count, confidence, accuracy, strict=True):
        if size:
            at = x.place(100 * says), y.place(100 * right)
            told = (
                f"{int(size):,} samples: confidence {says:.1%}, "
                f"accuracy {right:.1%}"
            )
            parts.append(
                f'<path class="gap" d="M{at[0]} {y.place(100 * says)}'
                f'L{at[0]} {at[1]}"/>'
            )
            radius = round(3 + 9 * math.sqrt(size / total), 1)
            parts.append(_circle("bin", *at, radius, told))
    return _svg(title, f"{total:,} samples", parts)


def bar_chart(
    names: Sequence[str],
    values: Sequence[float] | np.ndarray,
    *,
    title: str,
    heads: Sequence[str],
    columns: Sequence[Sequence[str]] = (),
    kind: str = "bars",
    ranges: Sequence[tuple[float, float]] = (),
) -> str:
    """Horizontal bars for shares of 1, as a table: name, bar, columns.

    Args:
        names: one row each.
        values: the length of the bars, 0 to 1.
        title: the table's caption, for screen readers.
        heads: the heads of the name, of the bar and of each column.
        columns: further cells, each column as long as `names`.
        kind: class of the table, for its colours.
        ranges: (low, high) of each, drawn as a line over the bar.
    """
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
    rows = []
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        cells = "".join(f"<td>{escape(c[row])}</td>" for c in columns)
        bar = f'<span style="--v:{_share(value):.4g}"></span>'
        if ranges:
            low, high = map(_share, ranges[row])
            line = f'<i style="--a:{low:.4g};--b:{high:.4g}"></i>'
            bar = f"<div>{bar}{line}</div>"
        rows.append(
            f'<tr><th scope="row" title="{escape(name)}">{escape(name)}</th>'
            f'<td class="bar">{bar}</td>{cells}</tr>'
        )
    return _table(kind, title, head, rows)


def _share(value: float) -> float:
    """Within 0 and 1; a NaN is 0."""
    return min(1.0, max(0.0, float(np.nan_to_num(value))))


def heat_map(
    counts: np.ndarray,
    names: Sequence[str],
    *,
    title: str,
    corner: str,
    kind: str = "heat",
) -> str:
    """A square table of counts, each cell shaded by its share of the row.

    The diagonal has one hue and the rest another; the rest is shaded by the
    square root of its share, so that rare cells stay visible.
    """
    heads = "".join(
        f'<th scope="col" title="{escape(n)}"><span>{escape(n)}</span></th>'
        for n in names
    )
    head = f'<th class="corner">{escape(corner)}</th>{heads}'
    rows = []
    for row, name in enumerate(names):
        cells = "".join(
            _heat_cell(counts, row, c, names) for c in range(len(names))
        )
        rows.append(
            f'<tr><th scope="row" title="{escape(name)}">'
            f"{escape(name)}</th>{cells}</tr>"
        )
    return _table(kind, title, head, rows)


def _heat_cell(
    counts: np.ndarray, row: int, column: int, names: Sequence[str]
) -> str:
    count = int(counts[row, column])
    if count == 0:
        return "<td></td>"
    share = count / counts[row].sum()
    hit = row == column
    shade = share if hit else math.sqrt(share)
    kind = "hit" if hit else "miss"
    kind += "".join(mark for edge, mark in DEEP if shade > edge)
    told = f"{names[row]} as {names[column]}: {count:,} ({share:.1%})"
    return (
        f'<td class="{kind}" style="--v:{max(shade, 0.08):.3g}" '
        f'title="{escape(told)}">{count}</td>'
    )


def _table(kind: str, title: str, head: str, rows: Sequence[str]) -> str:
    return (
        f'<table class="{kind}"><caption>{escape(title)}</caption>'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _points(series: Series) -> list[tuple[float, float] | None]:
    """The points as plain floats, None for each that cannot be drawn."""
    pairs = [
        (float(x), float(y)) for x, y in zip(series.x, series.y, strict=True)
    ]
    return [
        pair if all(abs(value) < LARGEST for value in pair) else None
        for pair in pairs
    ]


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the values, moved apart where they coincide."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    size = max(abs(low), abs(high))
    if high - low > max(SMALLEST_SPREAD * size, SMALLEST):
        return low, high
    room = size / 2 if size > SMALLEST else 0.5
    return low - room, high + room


def _multiples(first: int, last: int, step: float) -> tuple[float, ...]:
    """first * step to last * step, without the dust of the product."""
    return tuple(float(f"{i * step:.12g}") for i in range(first, last + 1))


def _curve(
    series: Series,
    points: Sequence[tuple[float, float] | None],
    x: Axis,
    y: Axis,
) -> str:
    path, dots = _path(points, x, y)
    kind = f"s{series.color}" + (" dashed" if series.dashed else "")
    lines = f'<path class="line {kind}" d="{path}"/>' if path else ""
    lonely = "".join(_circle(f"dot {kind}", *dot, 3.5) for dot in dots)
    if len(points) > MOST_TARGETS:
        return lines + lonely
    targets = (
        _circle(
            f"target {kind}",
            x.place(p[0]),
            y.place(p[1]),
            5,
            f"{series.name} at {p[0]:g}: {p[1]:.4g}",
        )
        for p in points
        if p is not None
    )
    return lines + lonely + "".join(targets)


def _path(
    points: Sequence[tuple[float, float] | None], x: Axis, y: Axis
) -> tuple[str, list[tuple[float, float]]]:
    """The path data of the runs of points, and the points that stand alone."""
    pieces: list[str] = []
    alone: list[tuple[float, float]] = []
    run: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            place = x.place(point[0]), y.place(point[1])
            if not run or place != run[-1]:
                run.append(place)
            continue
        if len(run) == 1:
            alone += run
        elif run:
            pieces.append("M" + "L".join(f"{a:g} {b:g}" for a, b in run))
        run = []
    return "".join(pieces), alone


def _grid(x: Axis, y: Axis, x_label: str, y_label: str) -> str:
    parts = []
    for tick in y.ticks:
        height = y.place(tick)
        line = f'd="M{LEFT} {height:g}H{RIGHT}"'
        parts.append(f'<path class="grid" {line}/>')
        label = tick_label(tick, y.step)
        parts.append(_text("tick y", LEFT - 8, height + 4, label))
    parts.append(f'<path class="axis" d="M{LEFT} {BOTTOM}H{RIGHT}"/>')
    for tick in x.ticks:
        place = x.place(tick)
        line = f'd="M{place:g} {BOTTOM}v5"'
        parts.append(f'<path class="axis" {line}/>')
        label = tick_label(tick, x.step)
        parts.append(_text("tick x", place, BOTTOM + 21, label))
    parts.append(_text("name x", (LEFT + RIGHT) / 2, HEIGHT - 8, x_label))
    parts.append(_text("name y", 4, 16, y_label))
    return "".join(parts)


def _legend(series: Sequence[Series]) -> str:
    """One right-aligned line; tspans flow, whatever the size of the text."""
    entries = []
    for one in series:
        key = "– –" if one.dashed else "—"
        entries.append(
            f'<tspan class="key s{one.color}" dx="16">{key}</tspan>'
            f'<tspan dx="5">{escape(one.name)}</tspan>'
        )
    line = "".join(entries)
    return f'<text class="legend" x="{RIGHT}" y="16">{line}</text>'


def _spoken(
    series: Series, points: Sequence[tuple[float, float] | None]
) -> str:
    drawn = [point for point in points if point is not None]
    if not drawn:
        return f"{series.name}: no data"
    (first, start), (last, end) = drawn[0], drawn[-1]
    return f"{series.name}: {start:.4g} at {first:g}, {end:.4g} at {last:g}"


def _circle(
    kind: str, x: float, y: float, radius: float, told: str = ""
) -> str:
    head = f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{radius:g}"'
    if not told:
        return head + "/>"
    return f"{head}><title>{escape(told)}</title></circle>"


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _svg(title: str, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="chart" role="img" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"{''.join(parts)}</svg>"
    )
