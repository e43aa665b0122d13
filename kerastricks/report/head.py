"""The head of a page: its title, tiles with the main numbers, and notes."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from kerastricks.evaluation.metrics import wilson_interval
from kerastricks.evaluation.written import idle
from kerastricks.report import page

# label, key of the numbers, how it is shown, its unit where that is fixed
Tile = tuple[str, str, Callable[[float], tuple[str, str]], str]
TILES: tuple[Tile, ...] = (
    ("Top-1 accuracy", "top1", page.percent, ""),
    ("Top-5 accuracy", "top5", page.percent, ""),
    ("Mean average precision", "mean_average_precision", page.percent, ""),
    ("F1 at 50%", "f1", page.percent, ""),
    ("F1 at its thresholds", "f1_best", page.percent, ""),
    ("Loss", "loss", page.plain, "nats"),
    ("Calibration error", "ece", page.percent, ""),
    ("Training time", "seconds", page.duration, ""),
    ("Throughput", "images_per_second", page.rate, "images/s"),
    ("Parameters", "params", page.amount, ""),
    ("Compute per image", "flops", page.amount, "multiply-adds"),
)
# What stands below tiles and in sections.
BESIDE = frozenset(
    "top1_low top1_high temperature ece_calibrated loss_calibrated".split()
)

Section = tuple[str, str, str]  # anchor, title, markup


def document(
    title: str,
    eyebrow: str,
    facts: Sequence[str],
    tiles: str,
    notes: Sequence[str],
    sections: Sequence[Section],
) -> str:
    """The whole page; sections without content are left out.

    Args:
        eyebrow: the small line above the title.
        facts: the quiet line below it.
    """
    shown = [one for one in sections if one[2]]
    links = "".join(
        f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name, _ in shown
    )
    html = (
        f'<header><div class="eyebrow">{escape(eyebrow)}</div>'
        f"<h1>{escape(title)}</h1>"
        f'<div class="soft">{escape(" · ".join(facts))}</div>'
        f"<nav>{links}</nav></header>\n"
    )
    html += tiles + note_list(notes)
    html += "".join(page.section(*one) for one in shown)
    return page.page(title, html)


def tile_row(numbers: Mapping, images: int = 0) -> str:
    """A tile for each number that has one.

    Args:
        images: how many the numbers come from; 0: unknown.
    """
    tiles = []
    for label, key, show, fixed in TILES:
        if key in numbers and not idle(key, numbers):
            value, unit = shown(numbers[key], show)
            below = note(key, numbers, images)
            tiles.append(page.tile(label, value, f"{unit}{fixed}", below))
    return f'<dl class="tiles">{"".join(tiles)}</dl>\n' if tiles else ""


def note(key: str, numbers: Mapping, images: int) -> str:
    """What belongs below a tile: an interval, or the number calibrated."""
    if key == "top1":
        return interval(numbers, images)
    after = numbers.get(f"{key}_calibrated")
    temperature = numbers.get("temperature")
    if after is None or temperature is None:
        return ""
    value, unit = shown(after, page.percent if key == "ece" else page.plain)
    return f"{value}{unit} at temperature {temperature:.3g}"


def interval(numbers: Mapping, images: int) -> str:
    """How far chance alone in the choice of images moves the accuracy."""
    top1, low = numbers["top1"], numbers.get("top1_low")
    if not images or top1 is None or not 0 <= top1 <= 1:
        return ""
    high = numbers.get("top1_high")
    if low is None or high is None:
        low, high = wilson_interval(top1, images)
    ends = f"{100 * low:.1f}–{100 * high:.1f}"
    return f"95% interval {ends}, n\u00a0=\u00a0{images:,}"


def shown(
    value: float | None, show: Callable[[float], tuple[str, str]]
) -> tuple[str, str]:
    """What `show` makes of a number; a dash for none, and NaN as such."""
    if value is None:
        return "–", ""
    if math.isfinite(value):
        return show(value)
    return ("NaN" if math.isnan(value) else f"{value:+}"), ""


def note_list(notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>\n' if items else ""
