"""Images listed in a text file, one a row, with their labels.

    path,labels,split
    cats/7.jpg,cat;sofa,train
    dogs/1.jpg,dog,val

Columns are parted by commas, or by tabs if the first row has one. A header may
stand above them, in any order and among others; without one they are path,
labels and, if there is a third, split. Paths count from the folder of the file.

A `;` anywhere among the labels makes the task one of several labels an image:
each row then has as many as it names, or none (an empty cell, or a lone `;`).
Splits are train and val (or validation, valid; test serves where there is no
val). Without any, --val_fraction splits the rows.
"""

import csv
import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from kerastricks.data.sources.folder import file_source, suiting
from kerastricks.data.sources.source import Source, split_off
from kerastricks.errors import InputError

# What a header may call each column.
HEADS = {
    "path": ("path", "file", "filename", "image"),
    "labels": ("labels", "label", "classes", "class"),
    "split": ("split",),
}
SPLITS = {"train": "train", "test": "test"} | dict.fromkeys(
    ("val", "validation", "valid"), "val"
)
SEVERAL = ";"


@dataclasses.dataclass(frozen=True)
class Row:
    """One image; `where` names the line that it comes from."""

    path: str
    labels: tuple[str, ...]
    split: str
    where: str


def open_csv(
    path: str, val_fraction: float, seed: int, any_classes: bool = False
) -> dict[str, Source]:
    """The splits of a CSV file: train and val.

    Args:
        any_classes: also such as only validation has.
    """
    path = os.path.expanduser(path)
    lines = read_lines(path)
    columns = find_columns(lines)
    if is_header(lines[0][1]):
        lines = lines[1:]
    several = any(SEVERAL in cell(row, columns, "labels") for _, row in lines)
    folder = os.path.dirname(path)
    rows = [make_row(row, columns, folder, where) for where, row in lines]
    check_rows(rows, several)
    train, val = by_split(rows, path)
    known = [*train, *val] if any_classes else train
    names = sorted({name for row in known for name in row.labels})
    check_classes(names, val, path)
    source = row_source(train, names, several)
    if val:
        return {"train": source, "val": row_source(val, names, several)}
    rest, share = split_off(source, val_fraction, seed, path, any_classes)
    return {"train": rest, "val": share}


def read_lines(path: str) -> list[tuple[str, list[str]]]:
    """(where, cells) of every row that is not empty."""
    lines = []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            delimiter = "\t" if "\t" in file.readline() else ","
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for row in reader:
                where = f"line {reader.line_num} of {path}"
                lines.append((where, [text.strip() for text in row]))
    except csv.Error as error:
        raise InputError(
            "a CSV file must be well-formed. Received: "
            f"{error} in line {reader.line_num} of {path}"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"csv: needs a text file in UTF-8 ({reason}). Received: {path}"
        ) from None
    return [line for line in lines if any(line[1])]


def is_header(cells: Sequence[str]) -> bool:
    """Whether the first row names the column of paths."""
    return any(cell.lower() in HEADS["path"] for cell in cells)


def find_columns(lines: Sequence[tuple[str, list[str]]]) -> dict[str, int]:
    """The places of path, labels and, if there is one, split."""
    where, cells = lines[0] if lines else ("an empty file", [])
    columns = dict(zip(HEADS, range(len(cells)), strict=False))
    if is_header(cells):
        columns = {}
        for place, head in enumerate(cells):
            for name, heads in HEADS.items():
                if head.lower() not in heads:
                    continue
                if name in columns:
                    raise InputError(
                        f"a header must name the {name} once. Received: "
                        f"{cells[columns[name]]} and {head} in {where}"
                    )
                columns[name] = place
    if "labels" not in columns:
        raise InputError(
            "a CSV file needs a column of paths and one of labels. "
            f"Received: {', '.join(cells) or 'nothing'} in {where}"
        )
    return columns


def cell(cells: Sequence[str], columns: dict[str, int], name: str) -> str:
    """What a row has in a column: nothing, if it ends before it."""
    place = columns[name]
    return cells[place] if place < len(cells) else ""


def make_row(
    cells: Sequence[str], columns: dict[str, int], folder: str, where: str
) -> Row:
    """The row, its path and split checked."""
    path = os.path.expanduser(cell(cells, columns, "path"))
    path = os.path.join(folder, path)
    if not os.path.isfile(path):
        raise InputError(
            f"every row must name a file. Received: {path} in {where}"
        )
    split = cell(cells, columns, "split") if "split" in columns else "train"
    if split.lower() not in SPLITS:
        raise InputError(
            f"split must be one of {', '.join(SPLITS)}. "
            f"Received: {split or 'nothing'} in {where}"
        )
    labels = cell(cells, columns, "labels").split(SEVERAL)
    stripped = dict.fromkeys(label.strip() for label in labels)
    names = tuple(name for name in stripped if name)
    return Row(path, names, SPLITS[split.lower()], where)


def check_rows(rows: Sequence[Row], several: bool) -> None:
    """Each image must stand once and, in a task of one label, have one."""
    seen: dict[str, Row] = {}
    for row in rows:
        before = seen.setdefault(os.path.realpath(row.path), row)
        if before is not row:
            raise InputError(
                "an image must stand in one row, its labels parted by ;. "
                f"Received: {row.path} in {before.where} and {row.where}"
            )
        if not several and not row.labels:
            raise InputError(
                "every image needs a label (a lone ; says that it has none, "
                "where an image may have several). Received: none in "
                f"{row.where}"
            )


def by_split(
    rows: Sequence[Row], path: str
) -> tuple[Sequence[Row], Sequence[Row]]:
    """(training, validation) rows; those of test if there are none of val."""
    groups: dict[str, list[Row]] = {"train": [], "val": [], "test": []}
    for row in rows:
        groups[row.split].append(row)
    if not groups["train"]:
        raise InputError(
            "a CSV file needs images to train on. Received: no row of split "
            f"train in {path}"
        )
    return groups["train"], groups["val"] or groups["test"]


def check_classes(names: Sequence[str], val: Sequence[Row], path: str) -> None:
    """Training needs two classes, validation none that is not among them."""
    if len(names) < 2:
        raise InputError(
            "a classifier needs at least two classes. Received: "
            f"{', '.join(names) or 'none'} in the training rows of {path}"
        )
    known = set(names)
    for row in val:
        others = [name for name in row.labels if name not in known]
        if others:
            raise InputError(
                "training and validation must have the same classes. Received: "
                f"{', '.join(others)} in validation only, {row.where}"
            )


def row_source(
    rows: Sequence[Row], names: Sequence[str], several: bool
) -> Source:
    """The rows as files with their labels."""
    place = {name: label for label, name in enumerate(names)}
    if several:
        labels = np.zeros((len(rows), len(names)), np.float32)
        for i, row in enumerate(rows):
            labels[i, [place[name] for name in row.labels]] = 1
    else:
        labels = np.array([place[row.labels[0]] for row in rows], np.int32)
    paths = [row.path for row in rows]
    return file_source(tuple(names), labels, paths, suiting(paths))
