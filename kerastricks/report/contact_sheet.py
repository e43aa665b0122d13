"""Pictures in rows and columns on one PNG, with words above and below."""

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL = 168  # side of a picture
GAP = 12
LINE = 15  # height of a line of words
LINES = 3  # below a picture, at most
HEAD = 2 * LINE  # of a column: its name, and a line about it
FONT_SIZE = 12
PAPER, INK, QUIET = "#ffffff", "#1b1f24", "#6a737d"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One picture, uint8 [H, W, 3], and the lines below it."""

    image: np.ndarray
    lines: Sequence[str] = ()


def contact_sheet(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]]
) -> bytes:
    """The sheet as PNG; each row has a cell for each column.

    Args:
        columns: their names, each perhaps with a second line.
    """
    width = GAP + len(columns) * (CELL + GAP)
    height = GAP + HEAD + len(rows) * row_height()
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(FONT_SIZE)
    for place, title in enumerate(columns):
        left = GAP + place * (CELL + GAP)
        for line, words in enumerate(title.split("\n")[:2]):
            top = GAP // 2 + line * LINE
            color = QUIET if line else INK
            draw.text((left, top), fitted(words, font), color, font)
    for number, row in enumerate(rows):
        top = GAP + HEAD + number * row_height()
        for place, cell in enumerate(row):
            left = GAP + place * (CELL + GAP)
            paste(sheet, cell.image, left, top)
            for line, words in enumerate(cell.lines[:LINES]):
                below = top + CELL + 2 + line * LINE
                draw.text((left, below), fitted(words, font), QUIET, font)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def row_height() -> int:
    return CELL + LINES * LINE + GAP


def paste(sheet: Image.Image, image: np.ndarray, left: int, top: int) -> None:
    """The whole picture in the middle of its cell, as large as fits."""
    picture = Image.fromarray(image)
    scale = CELL / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    # Single pixels of small images shall stay visible.
    method = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC
    resized = picture.resize((width, height), method)
    sheet.paste(
        resized, (left + (CELL - width) // 2, top + (CELL - height) // 2)
    )


def fitted(
    words: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> str:
    """The words, their end cut off where the cell ends."""
    if font.getlength(words) <= CELL:
        return words
    while words and font.getlength(f"{words}…") > CELL:
        words = words[:-1]
    return f"{words}…"
