"""Pieces of Markdown."""

import textwrap
from collections.abc import Sequence


def section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def cell(text: str) -> str:
    """A name of somebody's choice, harmless in a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def wrapped(text: str) -> str:
    return textwrap.fill(
        text, 80, break_long_words=False, break_on_hyphens=False
    )


def bullet(text: str) -> str:
    return "- " + wrapped(text).replace("\n", "\n  ")
