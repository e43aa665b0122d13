import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from kerastricks.report import charts
from kerastricks.report.charts import BOTTOM, LEFT, RIGHT, TOP, Series

NAN = math.nan


def paths(svg: str, kind: str = "line") -> list[str]:
    return re.findall(rf'<path class="{kind}[^"]*" d="([^"]*)"', svg)


def texts(svg: str, kind: str) -> list[str]:
    return re.findall(rf'<text class="{kind}"[^>]*>([^<]*)<', svg)


def circles(svg: str, kind: str) -> list[tuple[float, ...]]:
    found = re.findall(
        rf'<circle class="{kind}[^"]*" cx="([^"]*)" cy="([^"]*)" r="([^"]*)"',
        svg,
    )
    return [tuple(float(value) for value in one) for one in found]


def line(x, y, **options) -> str:
    series = [Series("curve", x, y)]
    return charts.line_chart(series, "epoch", "loss", title="T", **options)


@pytest.mark.parametrize(
    ("span", "count", "step"),
    [(10, 5, 2), (1, 5, 0.2), (11, 5, 5), (0.03, 5, 0.01), (7e6, 5, 2e6)],
)
def test_steps_are_one_two_or_five(span, count, step):
    assert charts.tick_step(span, count) == pytest.approx(step)


def test_axis_around_ends_on_ticks_and_respects_its_bounds():
    axis = charts.axis_around([0.13, 0.92], 0, 100)
    assert axis.ticks == (0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert (axis.low, axis.high) == (0, 1)
    assert charts.axis_around([98.7], 0, 1, bounds=(0, 100)).high == 100


def test_axis_within_ends_on_the_values():
    axis = charts.axis_within([1, 30], 0, 290)
    assert axis.ticks == (5, 10, 15, 20, 25, 30)
    assert [axis.place(v) for v in (1, 2, 30)] == [0, 10, 290]
    assert charts.axis_within([1, 3], 0, 1, whole=True).ticks == (1, 2, 3)


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.30000000000000004, 0.1, "0.3"),
        (0.5, 0.25, "0.5"),
        (20, 5, "20"),
        (0, 1e-5, "0"),
        (2e-5, 1e-5, "2e-5"),
        (1.2e6, 2e5, "1.2e6"),
        (-0.02, 0.01, "-0.02"),
    ],
)
def test_labels_have_the_digits_of_the_step(value, step, text):
    assert charts.tick_label(value, step) == text


def test_points_land_where_the_axes_put_them():
    svg = line([0, 5, 10], [0, 0.5, 1])
    middle = f"{(LEFT + RIGHT) / 2:g} {(TOP + BOTTOM) / 2:g}"
    assert paths(svg) == [f"M{LEFT} {BOTTOM}L{middle}L{RIGHT} {TOP}"]
    assert texts(svg, "tick y") == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert texts(svg, "tick x") == ["0", "2", "4", "6", "8", "10"]
    assert texts(svg, "name x") == ["epoch"]
    assert texts(svg, "name y") == ["loss"]


def test_a_gap_splits_the_line_and_a_lonely_point_is_a_dot():
    svg = line(range(7), [0, 1, NAN, 1, math.inf, 0, 1])
    assert len(paths(svg)) == 1
    runs = paths(svg)[0].split("M")[1:]
    assert [len(run.split("L")) for run in runs] == [2, 2]
    half = (LEFT + RIGHT) / 2
    assert circles(svg, "dot") == [(half, TOP, 3.5)]
    assert "nan" not in svg.lower() and "inf" not in svg.lower()


def test_one_point_is_a_dot_in_the_middle_with_one_tick():
    svg = line([1], [0.5], whole_x=True)
    assert paths(svg) == []
    assert circles(svg, "dot")[0][0] == (LEFT + RIGHT) / 2
    assert texts(svg, "tick x") == ["1"]


def test_a_constant_series_runs_level_inside_the_plot():
    for value in (0.1, 0.0, -3.0, 1 + 1e-16, 5e-324):
        numbers = re.findall(
            r"[\d.]+ ([\d.]+)", paths(line([0, 1], [value] * 2))[0]
        )
        assert len(set(numbers)) == 1
        assert TOP < float(numbers[0]) < BOTTOM


def test_no_data_says_so():
    for svg in (
        line([], []),
        line([0, 1], [NAN, NAN]),
        charts.line_chart([], "epoch", "loss", title="T"),
    ):
        assert texts(svg, "empty") == ["no data"]
        assert paths(svg) == []


def test_absurd_values_are_gaps_not_errors():
    svg = line([0, 1, 2], [1e300, 1, 2])
    assert texts(svg, "tick y")[-1] == "2.0"


def test_from_zero_reaches_zero_and_the_mark_circles_its_point():
    svg = line([0, 10], [4, 5], from_zero=True, mark=(10, 5))
    assert texts(svg, "tick y") == ["0", "1", "2", "3", "4", "5"]
    assert circles(svg, "mark") == [(RIGHT, TOP, 6)]
    assert circles(line([0], [1], mark=(7, 7)), "mark") == []


def test_title_and_summary_are_there_for_a_screen_reader():
    svg = line([1, 2], [0.5, 0.25])
    assert '<svg class="chart" role="img"' in svg
    assert "<title>T</title>" in svg
    assert "<desc>curve: 0.5 at 1, 0.25 at 2</desc>" in svg
    assert "<title>curve at 2: 0.25</title>" in svg


def test_several_series_have_a_legend_with_their_dashes():
    both = [
        Series("a<b", [0, 1], [0, 1], color=1, dashed=True),
        Series("c", [0, 1], [1, 0]),
    ]
    svg = charts.line_chart(both, "x", "y", title="T")
    keys = re.findall(r'<tspan class="key (s\d)" dx="16">([^<]*)</tspan>', svg)
    assert keys == [("s1", "– –"), ("s0", "—")]
    assert "a&lt;b" in svg and "a<b" not in svg
    assert "legend" not in line([0, 1], [0, 1])


def test_equal_pixels_are_drawn_once():
    svg = line(np.linspace(0, 1, 20_000), [1.0] * 10_000 + [2.0] * 10_000)
    assert paths(svg)[0].count("L") < 2 * 10 * (RIGHT - LEFT)
    assert circles(svg, "target") == []


def test_series_needs_a_y_for_each_x():
    with pytest.raises(ValueError, match="2 x, 1 y"):
        Series("s", [0, 1], [0])


def test_reliability_dots_and_gaps():
    svg = charts.reliability_chart(
        np.array([0, 25, 75]),
        np.array([0, 0.5, 1.0]),
        np.array([0, 0.0, 1.0]),
        title="T",
    )
    half_x, half_y = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
    assert paths(svg, "gap") == [
        f"M{half_x} {half_y}L{half_x} {float(BOTTOM)}",
        f"M{float(RIGHT)} {float(TOP)}L{float(RIGHT)} {float(TOP)}",
    ]
    assert circles(svg, "bin") == [
        (half_x, BOTTOM, 7.5),  # 3 + 9 * sqrt(1/4)
        (RIGHT, TOP, 10.8),  # 3 + 9 * sqrt(3/4)
    ]
    assert "25 samples: confidence 50.0%, accuracy 0.0%" in svg


def test_bars_are_as_long_as_their_values():
    html = charts.bar_chart(
        ["<a>", "b", "c"],
        [0.25, 1.5, NAN],
        title="T",
        heads=("class", "recall", "n"),
        columns=(["1", "2", "3"],),
    )
    assert re.findall(r"--v:([\d.]+)", html) == ["0.25", "1", "0"]
    assert re.findall(r"<td>(\d)</td>", html) == ["1", "2", "3"]
    assert "<a>" not in html and "&lt;a&gt;" in html


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict] = []

    def handle_starttag(self, tag, attrs):
        if tag == "td":
            self.found.append(dict(attrs))


def test_heat_shades_the_share_of_the_row_and_the_root_of_mistakes():
    counts = np.array([[84, 16], [0, 5]])
    html = charts.heat_map(counts, ['"cat"', "dog"], title="T", corner="c")
    parser = Cells()
    parser.feed(html)
    right, wrong, empty, perfect = parser.found
    assert (right["class"], right["style"]) == ("hit deep deeper", "--v:0.84")
    assert (wrong["class"], wrong["style"]) == ("miss", "--v:0.4")
    assert wrong["title"] == '"cat" as dog: 16 (16.0%)'
    assert empty == {}
    assert perfect["style"] == "--v:1"
