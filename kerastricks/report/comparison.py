"""Two runs on the same images: which is better, and by how much."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from kerastricks.evaluation.bootstrap import Difference
from kerastricks.report import page
from kerastricks.report.pictures import Picture, grid


@dataclass(frozen=True)
class Comparison:
    """What two runs, a and b, make of the same images.

    Args:
        names: of a and b.
        difference: of top-1, b - a.
        counts: images that (both, a alone, b alone, neither) got right.
        only_a, only_b: pictures of what one got right and the other did not.
    """

    names: tuple[str, str]
    difference: Difference
    counts: tuple[int, int, int, int]
    only_a: Sequence[Picture] = field(default_factory=tuple)
    only_b: Sequence[Picture] = field(default_factory=tuple)

    @property
    def images(self) -> int:
        return sum(self.counts)


def sentence(found: Comparison) -> str:
    """The verdict in plain words, with its 95 % interval."""
    (a, b), gap = found.names, found.difference
    value, low, high = (100 * end for end in (gap.value, gap.low, gap.high))
    if low > 0:
        return f"{b} is better by {value:.1f} points ({low:.1f} to {high:.1f})."
    if high < 0:
        return (
            f"{a} is better by {-value:.1f} points ({-high:.1f} to {-low:.1f})."
        )
    return (
        f"No difference that {found.images:,} images could show: {b} is "
        f"{value:+.1f} points ({low:+.1f} to {high:+.1f}) from {a}."
    )


def comparison(found: Comparison | None) -> str:
    """The verdict, the counts behind it, and pictures where they differ."""
    if found is None:
        return ""
    a, b = found.names
    both, only_a, only_b, neither = found.counts
    counts = page.table(
        ("right", "images"),
        (
            ("both", f"{both:,}"),
            (f"only {a}", f"{only_a:,}"),
            (f"only {b}", f"{only_b:,}"),
            ("neither", f"{neither:,}"),
        ),
    )
    told = (
        f"{sentence(found)} They differ on {only_a + only_b:,} of "
        f"{found.images:,} images: {a} alone is right on {only_a:,}, {b} alone "
        f"on {only_b:,}."
    )
    html = f"<p>{escape(told)}</p>{page.figure(counts, 'Who is right')}"
    for name, pictures in ((b, found.only_b), (a, found.only_a)):
        if pictures:
            title = f"<h3>Only {escape(name)} is right</h3>"
            html += f'<div class="wide">{title}{grid(pictures)}</div>'
    return html
