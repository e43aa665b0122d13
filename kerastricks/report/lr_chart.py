"""Charts of learning rates: a PNG, and text for the terminal."""

import dataclasses
import io
import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kerastricks.report.charts import axis_around, axis_within, tick_label
from kerastricks.report.contact_sheet import INK, PAPER, QUIET

GRID, BAND = "#e4e8ec", "#dbe9f9"
BLUE, PALE = "#0969da", "#9cc3ee"
MARKS = ("#bc4c00", "#1a7f37", "#8250df")
# In the pixels of the PNG, which is drawn DENSE times as large and reduced.
WIDTH, HEIGHT, DENSE = 1280, 640, 2
LEFT, RIGHT, BOTTOM = 110, 1240, 540
TEXT, TITLE, LINE = 22, 26, 32
# Of the text chart, in characters; one is 2 x 4 dots.
COLUMNS, ROWS, MARGIN = 80, 13, 9
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@dataclasses.dataclass(frozen=True)
class Mark:
    """A value on the x axis with a name."""

    name: str
    x: float


@dataclasses.dataclass(frozen=True)
class Chart:
    """One curve over x, and what stands around it.

    Args:
        y: [n]; infinite or NaN where there is nothing.
        band: (lowest, highest) around it, [n] each.
        others: further curves, drawn thin.
        window: (lowest, highest) y that is shown; None: all of the curve.
        legend: what the curve, the thin ones and the band are.
    """

    title: str
    x_label: str
    y_label: str
    x: np.ndarray
    y: np.ndarray
    band: tuple[np.ndarray, np.ndarray] | None = None
    others: Sequence[np.ndarray] = ()
    marks: Sequence[Mark] = ()
    window: tuple[float, float] | None = None
    log_x: bool = False
    legend: str = ""

    @property
    def limits(self) -> tuple[float, float]:
        """Of y."""
        if self.window:
            return self.window
        there = self.y[np.isfinite(self.y)]
        low, high = float(there.min()), float(there.max())
        return (0.0 if 0 < low < high / 10 else low), high

    def across(self, x: np.ndarray | float) -> np.ndarray:
        """0 at the left end of the x axis, 1 at the right one."""
        bend: Callable = np.log10 if self.log_x else np.asarray
        low, high = bend(self.x[0]), bend(self.x[-1])
        return (bend(x) - low) / (high - low)

    def x_ticks(self) -> list[tuple[float, str]]:
        """(value, label) of each."""
        if self.log_x:
            return [(tick, tick_label(tick, tick)) for tick in self.powers()]
        axis = axis_within([self.x[0], self.x[-1]], 0, 1)
        return [(tick, tick_label(tick, axis.step)) for tick in axis.ticks]

    def powers(self) -> list[float]:
        """Powers of ten; of a short axis also two and five times these."""
        low, high = self.x[0] * (1 - 1e-9), self.x[-1] * (1 + 1e-9)
        factors = (1,) if high / low > 300 else (1, 2, 5)
        exponents = range(math.floor(math.log10(low)), 40)
        values = (float(f"{f}e{e}") for e in exponents for f in factors)
        return [value for value in values if low <= value <= high]


def loss_window(runs: np.ndarray) -> tuple[float, float]:
    """The losses between which a finder's curves [runs, steps] say something.

    One that diverges would press all that came before it flat.
    """
    best = float(runs[np.isfinite(runs)].min())
    start = runs[:, : 1 + runs.shape[1] // 10]
    first = float(start[np.isfinite(start)].max())
    fall = max(first - best, 1e-3 * abs(first), 1e-9)
    return best - 0.08 * fall, first + 0.3 * fall


# The PNG


def png(charts: Sequence[Chart]) -> bytes:
    """The charts one below the other."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT * len(charts)), PAPER)
    for place, chart in enumerate(charts):
        sheet.paste(drawn(chart), (0, place * HEIGHT))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def drawn(chart: Chart) -> Image.Image:
    """One chart, its lines smooth."""
    image = Image.new("RGB", (WIDTH * DENSE, HEIGHT * DENSE), PAPER)
    pen = Pen(image, chart)
    pen.axes()
    pen.curves()
    pen.marks()
    return image.reduce(DENSE)


class Pen:
    """Draws one chart in the pixels of the PNG."""

    def __init__(self, image: Image.Image, chart: Chart) -> None:
        self.image, self.chart = image, chart
        self.draw = ImageDraw.Draw(image)
        self.top = 2 * LINE + 22 + LINE * len(chart.marks)
        heights = [float(height) for height in chart.limits]
        self.y_axis = axis_around(heights, BOTTOM, self.top)
        if chart.window:  # it ends on these, not on the next ticks
            self.y_axis = axis_within(heights, BOTTOM, self.top)

    def axes(self) -> None:
        """The frame: title, grid, ticks, names."""
        chart = self.chart
        self.text((LEFT, 10), chart.title, INK, TITLE)
        self.text((RIGHT, 12), chart.legend, QUIET, anchor="ra")
        self.text((12, self.top - LINE - 12), chart.y_label, INK)
        for tick in self.y_axis.ticks:
            height = self.y_axis.place(tick)
            self.line([(LEFT, height), (RIGHT, height)], GRID, 1.5)
            label = tick_label(tick, self.y_axis.step)
            self.text((LEFT - 12, height), label, INK, anchor="rm")
        for tick, label in chart.x_ticks():
            across = self.x(tick)
            self.line([(across, BOTTOM), (across, BOTTOM + 7)], QUIET, 1.5)
            self.text((across, BOTTOM + 12), label, INK, anchor="ma")
        middle = (LEFT + RIGHT) / 2
        self.text((middle, BOTTOM + 52), chart.x_label, INK, anchor="ma")

    def curves(self) -> None:
        """All of them, cut off where the plot ends."""
        chart, whole = self.chart, self.image
        self.image = whole.copy()
        self.draw = ImageDraw.Draw(self.image)
        if chart.band:
            low, high = (self.points(edge) for edge in chart.band)
            self.polygon([*low, *reversed(high)], BAND)
        for other in chart.others:
            self.line(self.points(other), PALE, 2)
        self.line(self.points(chart.y), BLUE, 4)
        box = self.scaled([LEFT, self.top, RIGHT + 3, BOTTOM])
        left, top, right, bottom = (round(value) for value in box)
        inside = self.image.crop((left, top, right, bottom))
        whole.paste(inside, (left, top))
        self.image, self.draw = whole, ImageDraw.Draw(whole)
        self.line([(LEFT, BOTTOM), (RIGHT, BOTTOM)], QUIET, 1.5)

    def marks(self) -> None:
        """A line up from the axis for each, to a row of its own.

        The names all stand on the side that has room, and the lines that they
        stand above are the shorter ones, so that none is struck through.
        """
        colored = list(zip(self.chart.marks, MARKS, strict=False))
        colored.sort(key=lambda pair: pair[0].x)
        right = bool(colored) and self.x(colored[-1][0].x) < LEFT + 700
        for row, (mark, color) in enumerate(colored):
            across = self.x(mark.x)
            rows = len(colored) - row if right else row + 1
            height = self.top - LINE * rows - 4
            self.line([(across, height + 4), (across, BOTTOM)], color, 2)
            self.dot((across, self.y(self.height_at(mark.x))), 7, color)
            place = (across + (8 if right else -8), height)
            self.text(place, mark.name, color, anchor="la" if right else "ra")

    def height_at(self, x: float) -> float:
        """The curve there."""
        there = np.isfinite(self.chart.y)
        across = self.chart.across(self.chart.x[there])
        return float(
            np.interp(self.chart.across(x), across, self.chart.y[there])
        )

    def points(self, y: np.ndarray) -> list[tuple[float, float]]:
        """Where a curve's points lie; far out above instead of infinitely."""
        low, high = self.chart.limits
        far = high + 3 * (high - low)
        return [
            (self.x(x), self.y(min(height, far)))
            for x, height in zip(self.chart.x, y, strict=True)
            if not np.isnan(height)
        ]

    def x(self, value: float) -> float:
        return LEFT + float(self.chart.across(value)) * (RIGHT - LEFT)

    def y(self, value: float) -> float:
        return self.y_axis.place(value)

    # In the pixels that are drawn on

    def line(
        self, points: Sequence[tuple[float, float]], color: str, width: float
    ) -> None:
        places = [self.scaled(point) for point in points]
        wide = round(width * DENSE)
        self.draw.line([tuple(p) for p in places], color, wide, joint="curve")

    def polygon(
        self, points: Sequence[tuple[float, float]], color: str
    ) -> None:
        self.draw.polygon([tuple(self.scaled(p)) for p in points], color)

    def dot(
        self, place: tuple[float, float], radius: float, color: str
    ) -> None:
        x, y = place
        box = [x - radius, y - radius, x + radius, y + radius]
        self.draw.ellipse(self.scaled(box), color, PAPER, 2 * DENSE)

    def text(
        self,
        place: tuple[float, float],
        words: str,
        color: str,
        size: int = TEXT,
        anchor: str = "la",
    ) -> None:
        font = ImageFont.load_default(size * DENSE)
        x, y = self.scaled(place)
        self.draw.text((x, y), words, color, font, anchor)

    def scaled(self, numbers: Sequence[float]) -> list[float]:
        return [number * DENSE for number in numbers]


# The terminal


def text_chart(chart: Chart) -> str:
    """The curve in dots, its marks below the axis; 80 columns at most."""
    dots = np.zeros((4 * ROWS, 2 * (COLUMNS - MARGIN)), bool)
    height, width = dots.shape
    low, high = chart.limits
    there = ~np.isnan(chart.y)
    x = chart.across(chart.x[there]) * (width - 1)
    share = (chart.y[there] - low) / (high - low or 1.0)
    columns = np.arange(width)
    heights = np.interp(columns, x, np.minimum(share, 2.0)) * (height - 1)
    ends = np.clip(np.round(height - 1 - heights), -1, height).astype(int)
    for column, (before, end) in enumerate(
        zip([ends[0], *ends], ends, strict=False)
    ):
        first, last = sorted((before + np.sign(end - before), end))
        dots[max(first, 0) : max(last, -1) + 1, column] = True
    lines = [chart.title, chart.y_label]
    lines += [
        f"{label:>{MARGIN - 2}} ┤{row}"
        for label, row in zip(y_labels(low, high), braille(dots), strict=True)
    ]
    lines.append(f"{'':{MARGIN - 1}}└{'─' * (COLUMNS - MARGIN)}")
    lines += [mark_line(chart, mark) for mark in chart.marks]
    lines += [tick_line(chart), f"{chart.x_label:^{COLUMNS}}"]
    return "\n".join(line.rstrip() for line in lines)


def braille(dots: np.ndarray) -> list[str]:
    """Rows of characters of 2 x 4 dots each."""
    cells = dots.reshape(dots.shape[0] // 4, 4, dots.shape[1] // 2, 2)
    codes = np.einsum("rycx,yx->rc", cells, np.array(DOTS))
    return [
        "".join(chr(0x2800 + code) if code else " " for code in row)
        for row in codes
    ]


def y_labels(low: float, high: float) -> list[str]:
    """Of each row: of every third, the first and the last among them."""
    step = (high - low) / (ROWS - 1)
    return [
        "" if row % 3 else f"{high - row * step:.3g}" for row in range(ROWS)
    ]


def mark_line(chart: Chart, mark: Mark) -> str:
    """▲ below its place, and its name beside it."""
    place = MARGIN + round(float(chart.across(mark.x)) * (COLUMNS - MARGIN - 1))
    if place + 2 + len(mark.name) <= COLUMNS:
        return f"{'':{place}}▲ {mark.name}"
    return f"{mark.name + ' ▲':>{place + 1}}"


def tick_line(chart: Chart) -> str:
    """The x axis's labels, each in the middle below its place."""
    line = [" "] * COLUMNS
    free = 0
    for tick, label in chart.x_ticks():
        middle = MARGIN + float(chart.across(tick)) * (COLUMNS - MARGIN - 1)
        start = min(round(middle - len(label) / 2), COLUMNS - len(label))
        if start >= free:
            line[start : start + len(label)] = label
            free = start + len(label) + 1
    return "".join(line)
