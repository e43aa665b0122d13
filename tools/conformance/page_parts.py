"""Cells, tables and paragraphs of the page."""

import textwrap
from typing import Any


def cell(value: Any) -> str:
    """Numbers to three digits; none of interest is below 1e-5."""
    if isinstance(value, list):
        return ", ".join(map(cell, value))
    if isinstance(value, float):
        text = f"{value:.3g}" if abs(value) >= 1e-5 else "0"
        return text.replace("0.", ".", 1) if abs(value) < 1 else text
    return f"{value:,}" if isinstance(value, int) else str(value)


def markdown(rows: list[list[str]]) -> str:
    escaped = [[text.replace("|", "\\|") for text in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)


def paragraph(text: str) -> str:
    return (
        textwrap.fill(" ".join(text.split()), 80, break_on_hyphens=False) + "\n"
    )
