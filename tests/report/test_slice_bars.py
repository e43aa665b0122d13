"""Accuracy over parts of the images."""

from kerastricks.evaluation import Slice
from kerastricks.report.slice_bars import slice_bars

PARTS = [
    Slice("up to 90 px", 40, 0.5, 0.352, 0.648),
    Slice("above <90> px", 400, 0.75, 0.705, 0.79),
]


def test_a_bar_and_its_interval_each():
    html = slice_bars(PARTS, "image size")
    assert "Top-1 accuracy by image size" in html
    cells = "<td>50.0</td><td>35.2–64.8</td><td>40</td>"
    assert '--v:0.5"></span><i style="--a:0.352;--b:0.648">' in html
    assert cells in html
    assert html.index("up to 90 px") < html.index("above &lt;90&gt; px")


def test_one_part_is_no_comparison():
    assert slice_bars(PARTS[:1], "image size") == slice_bars([], "x") == ""
