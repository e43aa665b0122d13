"""Pictures and what is said of them."""

import math

import pytest

from kerastricks.report.pictures import Picture, claim, grid

JPEG = b"\xff\xd8\xff\xe0 not much of a picture"


def test_a_picture_has_a_strong_and_a_quiet_line():
    html = grid([Picture(JPEG, "is <cat>", "A: dog 90%")])
    assert "<b>is &lt;cat&gt;</b>A: dog 90%</figcaption>" in html
    assert 'alt="is &lt;cat&gt;"' in html
    assert html.startswith('<div class="pictures">')


def test_triples_are_wider():
    html = grid([Picture(JPEG, "", "")], "pictures triples")
    assert html.startswith('<div class="pictures triples">')


def test_none_are_nothing():
    assert grid([]) == ""


@pytest.mark.parametrize(
    "share, told", [(0.984, "cat 98%"), (1, "cat 100%"), (math.nan, "cat NaN")]
)
def test_a_claim_has_its_probability(share, told):
    assert claim("cat", share) == told
