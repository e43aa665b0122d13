"""Two runs side by side, in words and counts."""

import pytest

from kerastricks.evaluation import Difference
from kerastricks.report.comparison import Comparison, comparison, sentence
from kerastricks.report.pictures import Picture

JPEG = b"\xff\xd8\xff\xe0 not much of a picture"


def found(value, low, high, **more):
    gap = Difference(value, low, high)
    return Comparison(("A", "<B>"), gap, (700, 104, 116, 80), **more)


@pytest.mark.parametrize(
    "gap, told",
    [
        ((0.012, 0.004, 0.02), "<B> is better by 1.2 points (0.4 to 2.0)."),
        ((-0.012, -0.02, -0.004), "A is better by 1.2 points (0.4 to 2.0)."),
        (
            (0.012, 0.0, 0.024),
            "No difference that 1,000 images could show: <B> is +1.2 points "
            "(+0.0 to +2.4) from A.",
        ),
        (
            (-0.003, -0.02, 0.014),
            "No difference that 1,000 images could show: <B> is -0.3 points "
            "(-2.0 to +1.4) from A.",
        ),
    ],
)
def test_the_verdict_is_the_intervals(gap, told):
    assert sentence(found(*gap)) == told


def test_counts_stand_where_they_belong():
    html = comparison(found(0.012, 0.004, 0.02))
    assert "<td>both</td><td>700</td>" in html
    assert "<td>only A</td><td>104</td>" in html
    assert "<td>only &lt;B&gt;</td><td>116</td>" in html
    assert "<td>neither</td><td>80</td>" in html
    assert "They differ on 220 of 1,000 images: A alone is right on 104" in html
    assert "<B>" not in html and "&lt;B&gt; alone on 116." in html


def test_pictures_are_under_the_name_of_who_is_right():
    one, other = Picture(JPEG, "one", ""), Picture(JPEG, "other", "")
    html = comparison(found(0.1, 0.0, 0.2, only_a=[one], only_b=[other]))
    first, second = html.index("Only &lt;B&gt;"), html.index("Only A is")
    assert first < html.index("<b>other</b>") < second < html.index("<b>one")


def test_nothing_of_no_comparison():
    assert comparison(None) == ""
