"""What is held against what: views, members of an ensemble, another run."""

from collections.abc import Mapping, Sequence

from kerastricks.assess import pictures
from kerastricks.assess.findings import Findings, find
from kerastricks.assess.runs import Asked, ask_all, check_same_images
from kerastricks.evaluation import paired_difference
from kerastricks.evaluation.tta import Tta
from kerastricks.outcome import Outcome
from kerastricks.report.comparison import Comparison
from kerastricks.run_dir import RunDir

Rows = list[tuple[str, Mapping[str, float]]]


def side_by_side(
    asked: Sequence[Asked], found: Findings, tta: Tta | None
) -> tuple[Rows, str]:
    """(name, numbers) of each way to predict, and what they come to."""
    names = found.class_names

    def numbers(outcome: Outcome, one: Asked) -> Mapping[str, float]:
        stored = one.stored if outcome is one.plain else None
        return find(outcome, names, stored=stored).numbers

    if len(asked) > 1:
        titles = told_apart([one.name for one in asked])
        each = [numbers(one.outcome, one) for one in asked]
        rows = list(zip(titles, each, strict=True))
        best = max(row["top1"] for _, row in rows)
        gain = 100 * (found.numbers["top1"] - best)
        words = (
            f"The average of {len(asked)} runs is {gain:+.2f} points of top-1 "
            f"from the best of them, at x {len(asked)} the price of one."
        )
        return [*rows, ("together", found.numbers)], words
    if tta is None:
        return [], ""
    (one,) = asked
    gap = paired_difference(one.plain.right, one.outcome.right)
    gain, low, high = (100 * end for end in (gap.value, gap.low, gap.high))
    words = (
        f"{tta.kind}, the {tta.by} of {tta.of}: {gain:+.2f} points of top-1 "
        f"({low:+.2f} to {high:+.2f}), at x {len(tta.views)} the price."
    )
    rows = [("plain", numbers(one.plain, one)), (tta.kind, found.numbers)]
    return rows, words


def comparison(
    asked: Sequence[Asked],
    outcome: Outcome,
    other: RunDir | None,
    data: str,
    tta: Tta | None,
) -> Comparison | None:
    """Of what is evaluated, a, with another run, b."""
    if other is None:
        return None
    (b,) = ask_all([other], data, tta)
    check_same_images(asked[0], b)
    a = asked[0]
    ours_name = " + ".join(one.name for one in asked)
    names = told_apart([ours_name, b.name])
    ours, theirs = outcome.right, b.outcome.right
    cells = (ours & theirs, ours & ~theirs, theirs & ~ours, ~ours & ~theirs)
    counts = tuple(int(cell.sum()) for cell in cells)
    show = (a.recipe, a.splits)
    return Comparison(
        names=(names[0], names[1]),
        difference=paired_difference(ours, theirs),
        counts=counts,  # type: ignore[arg-type]
        only_a=pictures.differing(*show, outcome, b.outcome),
        only_b=pictures.differing(*show, b.outcome, outcome),
    )


def told_apart(names: Sequence[str]) -> list[str]:
    """The names; equal ones are numbered."""
    return [
        name if names.count(name) == 1 else f"{name} ({place})"
        for place, name in enumerate(names, 1)
    ]
