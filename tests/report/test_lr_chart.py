import io

import numpy as np
import pytest
from PIL import Image

from kerastricks.report.lr_chart import (
    BLUE,
    MARKS,
    Chart,
    Mark,
    loss_window,
    png,
    text_chart,
)

LINE = Chart(
    title="a line",
    x_label="epoch",
    y_label="rate",
    x=np.linspace(0, 10, 101),
    y=np.linspace(1, 2, 101),
)


def swept(marks=(), **options):
    """A loss that falls from 3 to 1 and then diverges."""
    rates = np.geomspace(1e-7, 10, 101)
    losses = np.interp(np.arange(101), [0, 50, 80], [3.0, 3.0, 1.0])
    losses[85:] = np.inf
    return Chart(
        title="sweep",
        x_label="learning rate",
        y_label="loss",
        x=rates,
        y=losses,
        marks=marks,
        log_x=True,
        window=loss_window(losses[None]),
        **options,
    )


def picture(charts):
    with Image.open(io.BytesIO(png(charts))) as image:
        return np.array(image.convert("RGB")).astype(int)


def columns_of(pixels, color):
    """Columns and rows in which a colour is."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    rows, columns = np.nonzero((abs(pixels - wanted) < 8).all(axis=2))
    return columns, rows


def dots(text):
    """Rows of the plot, without labels."""
    return [line.split("┤")[1] for line in text.splitlines() if "┤" in line]


def test_window_leaves_out_what_diverges():
    low, high = loss_window(np.array([[3.0] * 10 + [1.0, 2.0, 400.0, np.inf]]))
    assert (low, high) == pytest.approx((1 - 0.16, 3 + 0.6))
    low, high = loss_window(np.full((2, 30), 2.0))
    assert low < 2 < high


def test_ticks():
    assert [label for _, label in swept().x_ticks()] == [
        "1e-7",
        "1e-6",
        "1e-5",
        "0.0001",
        "0.001",
        "0.01",
        "0.1",
        "1",
        "10",
    ]
    short = Chart("", "", "", np.array([0.01, 0.3]), np.ones(2), log_x=True)
    assert [tick for tick, _ in short.x_ticks()] == [0.01, 0.02, 0.05, 0.1, 0.2]
    assert [label for _, label in LINE.x_ticks()] == list("02468") + ["10"]


def test_png_has_the_line_where_it_belongs():
    pixels = picture([LINE])
    assert pixels.shape == (640, 1280, 3)
    columns, rows = columns_of(pixels, BLUE)
    assert (columns.min(), columns.max()) == pytest.approx((110, 1240), abs=4)
    # From the lowest tick to the highest, straight.
    slope, offset = np.polyfit(columns, rows, 1)
    assert abs(rows - (slope * columns + offset)).max() < 5
    assert slope < 0


def test_png_marks_a_rate_on_the_curve():
    rate = 10.0 ** (-7 + 8 * 0.65)  # halfway down, at a loss of 2
    columns, _ = columns_of(picture([swept([Mark("half", rate)])]), MARKS[0])
    # The name is beside the line, which is the column with most of its pixels.
    line = np.bincount(columns).argmax()
    assert line == pytest.approx(110 + 0.65 * 1130, abs=3)
    bare, _ = columns_of(picture([swept()]), MARKS[0])
    assert not len(bare)


def test_png_does_not_leave_the_plot():
    band = (np.full(101, -50.0), np.full(101, np.inf))
    pixels = picture([swept(band=band, others=[np.full(101, np.inf)])])
    background = pixels[:, 1270]
    assert (background == 255).all()
    _, rows = columns_of(pixels, "#dbe9f9")
    assert rows.min() > 60 and rows.max() <= 541


def test_png_of_several():
    assert picture([LINE, LINE]).shape == (1280, 1280, 3)


def test_text_chart_of_a_line():
    text = text_chart(LINE)
    assert max(map(len, text.splitlines())) <= 80
    rows = dots(text)
    assert len(rows) == 13
    # Rising: the lowest row is full at the left, the highest at the right.
    assert rows[-1].strip() and not rows[-1][6:].strip()
    assert rows[0].strip() and not rows[0][:60].strip()
    labels = [line.split("┤")[0].strip() for line in text.splitlines()]
    assert [label for label in labels[2:15] if label] == [
        "2",
        "1.75",
        "1.5",
        "1.25",
        "1",
    ]
    assert "epoch" in text and text.startswith("a line\nrate\n")


def test_text_chart_of_a_sweep():
    marks = [Mark("low 1e-6", 1e-6), Mark("end 9", 9.0)]
    text = text_chart(swept(marks))
    lines = text.splitlines()
    low, end = (line for line in lines if "▲" in line)
    assert low.index("▲") == 9 + round(70 / 8) and low.endswith("▲ low 1e-6")
    assert end.endswith("end 9 ▲") and len(end) <= 80
    # Gone through the top, and nothing after.
    assert not any(row[62:].strip() for row in dots(text))


def test_a_curve_near_zero_is_drawn_from_zero():
    chart = Chart("", "", "", np.arange(3.0), np.array([1e-6, 0.2, 0.1]))
    assert chart.limits == (0.0, 0.2)
    assert LINE.limits == (1.0, 2.0)
