"""Contact sheets: every picture stands in its place."""

import io

import numpy as np
import pytest
from PIL import Image

from kerastricks.report import contact_sheet as sheets
from kerastricks.report.contact_sheet import CELL, GAP, HEAD, LINE, Cell


def drawn(columns, rows):
    png = sheets.contact_sheet(columns, rows)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def plain(colour, height=8, width=8):
    return np.full((height, width, 3), colour, np.uint8)


def test_pictures_stand_in_rows_and_columns():
    colours = [[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (9, 9, 9)]]
    sheet = drawn(
        ["a", "b"], [[Cell(plain(one)) for one in row] for row in colours]
    )
    for row in range(2):
        for column in range(2):
            top = GAP + HEAD + row * sheets.row_height()
            left = GAP + column * (CELL + GAP)
            cell = sheet[top : top + CELL, left : left + CELL]
            assert (cell == colours[row][column]).all()


def test_whole_picture_is_shown_in_its_own_proportions():
    wide = drawn(["a"], [[Cell(plain((200, 0, 0), 50, 100))]])
    red = (wide == (200, 0, 0)).all(axis=-1)
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert (len(rows), len(columns)) == (CELL // 2, CELL)
    assert rows[0] - (GAP + HEAD) == CELL // 4


def test_words_stand_below_and_above():
    silent = drawn([""], [[Cell(plain(9))]])
    for sheet, top in (
        (drawn([""], [[Cell(plain(9), ["90% cat"])]]), GAP + HEAD + CELL),
        (drawn(["crop"], [[Cell(plain(9))]]), 0),
    ):
        changed = np.flatnonzero((sheet != silent).any(axis=(1, 2)))
        assert top <= changed[0] and changed[-1] < top + GAP + 2 * LINE


def test_a_column_may_have_a_second_line():
    one, two = (
        drawn([title], [[Cell(plain(9))]]) for title in ("crop", "crop\n0.5")
    )
    changed = np.flatnonzero((one != two).any(axis=(1, 2)))
    assert GAP // 2 + LINE <= changed[0] and changed[-1] < GAP + HEAD


@pytest.mark.parametrize("words", ["cat", "supercalifragilistic" * 5])
def test_long_words_end_where_the_cell_ends(words):
    sheet = drawn([""], [[Cell(plain(9), [words])]])
    ink = (sheet[GAP + HEAD + CELL :] != 255).any(axis=(0, 2))
    assert ink.any() and not ink[GAP + CELL :].any()
