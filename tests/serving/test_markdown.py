"""Pieces of Markdown."""

from kerastricks.serving import markdown


def test_pieces():
    rows = [("1", markdown.cell("a|b\nc"))]
    assert markdown.section("T", markdown.table(("x", "y"), rows)) == (
        "## T\n\n| x | y |\n| --- | --- |\n| 1 | a\\|b c |"
    )


def test_lines_end_in_time_and_hang():
    text = markdown.bullet("word " * 30)
    first, second = text.split("\n")
    assert first == "- " + " ".join(["word"] * 16)
    assert second == "  " + " ".join(["word"] * 14)
    assert markdown.wrapped("x-" * 50) == "x-" * 50
