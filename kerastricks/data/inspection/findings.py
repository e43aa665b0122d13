"""All that was found, as what inspect.json holds: dicts, lists and numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks.data.inspection.duplicates import Duplicates, Pair
from kerastricks.data.inspection.facts import Facts
from kerastricks.data.inspection.survey import Survey

EXTREMES = 5  # smallest and largest images that are named
SHARES = (0, 5, 25, 50, 75, 95, 100)  # percent
SIDES = (0, 32, 48, 64, 96, 128, 192, 224, 256, 320, 384, 512, 768, 1024, 2048)
# width / height
ASPECTS = {
    "narrower than 1:3": (0, 1 / 3),
    "1:3 to 1:2": (1 / 3, 1 / 2),
    "1:2 to 3:4": (1 / 2, 0.7499),
    "3:4 to square": (0.7499, 0.99),
    "square": (0.99, 1 / 0.99),
    "square to 4:3": (1 / 0.99, 1 / 0.7499),
    "4:3 to 2:1": (1 / 0.7499, 2.0001),
    "2:1 to 3:1": (2.0001, 3.0001),
    "wider than 3:1": (3.0001, float("inf")),
}
Findings = dict[str, Any]


def findings(surveys: Mapping[str, Survey], found: Duplicates) -> Findings:
    """Everything but the labels' suspects.

    Args:
        surveys: by split, training first.
        found: of the facts of all splits in this order.
    """
    first = next(iter(surveys.values())).whole
    return {
        "class_names": list(first.class_names),
        "multi_label": first.multi_label,
        "splits": {
            name: of_split(name, survey) for name, survey in surveys.items()
        },
        "duplicates": of_pairs(surveys, found),
    }


def of_split(split: str, survey: Survey) -> Findings:
    """Counts, sizes, colours and files of a split."""
    whole = survey.whole
    good = [survey.facts[place] for place in survey.good]
    return {
        "images": len(whole),
        "looked_at": len(survey.facts),
        "class_counts": whole.class_counts().tolist(),
        "without_class": without_class(whole.labels),
        "unreadable": [
            image(split, survey, place) | {"reason": one.fault}
            for place, one in enumerate(survey.facts)
            if one.fault
        ],
        "natural_size": whole.natural_size,
        "sizes": of_sizes(split, survey) if good else {},
        "channels": of_channels(good) if good else {},
        "formats": dict(Counter(one.format for one in good).most_common()),
        "stored": dict(Counter(one.stored for one in good).most_common()),
        "colourless": sum(one.colourless for one in good),
        "rotated": sum(one.rotated for one in good),
        "bytes": of_bytes(good) if good else {},
    }


def image(split: str, survey: Survey, place: int) -> Findings:
    """Which image it is.

    Args:
        place: in the survey.
    """
    at = int(survey.places[place])
    names, label = survey.whole.class_names, survey.whole.labels[at]
    classes = np.flatnonzero(label) if survey.whole.multi_label else [label]
    return {
        "split": split,
        "place": at,
        "name": str(survey.whole.names[at]),
        "classes": [names[i] for i in classes],
    }


def without_class(labels: np.ndarray) -> int:
    """Images of no class, which several labels an image allow."""
    return int((labels.sum(axis=1) == 0).sum()) if labels.ndim == 2 else 0


def of_sizes(split: str, survey: Survey) -> Findings:
    """How large images are, and which are the smallest and largest."""
    good = survey.good
    sides = np.array(
        [(survey.facts[i].height, survey.facts[i].width) for i in good]
    )
    short = sides.min(axis=1)
    aspect = sides[:, 1] / sides[:, 0]
    edges = [*SIDES, np.inf]
    order = np.argsort(sides.prod(axis=1), kind="stable")

    def named(rows: np.ndarray) -> list[Findings]:
        return [
            image(split, survey, int(good[row]))
            | {"height": int(sides[row, 0]), "width": int(sides[row, 1])}
            for row in rows
        ]

    return {
        "shares": list(SHARES),
        "height": np.percentile(sides[:, 0], SHARES).tolist(),
        "width": np.percentile(sides[:, 1], SHARES).tolist(),
        "short_side": np.percentile(short, SHARES).tolist(),
        "aspect": np.percentile(aspect, SHARES).tolist(),
        "short_side_edges": list(SIDES),
        "short_side_counts": np.histogram(short, edges)[0].tolist(),
        "aspect_counts": {
            name: int(((low <= aspect) & (aspect < high)).sum())
            for name, (low, high) in ASPECTS.items()
        },
        "distinct": len(np.unique(sides, axis=0)),
        "smallest": named(order[:EXTREMES]),
        "largest": named(order[::-1][:EXTREMES]),
    }


def of_channels(good: Sequence[Facts]) -> Findings:
    """Mean and deviation over all pixels, every image counting the same.

    `std_within` is the mean of each image's own deviation, which is what
    ImageNet's customary numbers are (58, not 71).
    """
    means = np.array([one.mean for one in good], np.float64)
    squares = np.array([one.square for one in good], np.float64)
    mean = means.mean(axis=0)
    within = np.sqrt((squares - means**2).clip(0)).mean(axis=0)
    deviation = np.sqrt((squares.mean(axis=0) - mean**2).clip(0))
    return {
        "mean": mean.tolist(),
        "std": deviation.tolist(),
        "std_within": within.tolist(),
    }


def of_bytes(good: Sequence[Facts]) -> Findings:
    """How long files are."""
    sizes = np.array([one.size for one in good])
    return {
        "total": int(sizes.sum()),
        "median": float(np.median(sizes)),
        "largest": int(sizes.max()),
    }


def of_pairs(surveys: Mapping[str, Survey], found: Duplicates) -> Findings:
    """Pairs by where they lie, and how many images are too many."""
    names = list(surveys)
    lengths = [len(survey.facts) for survey in surveys.values()]
    splits = np.repeat(np.arange(len(names)), lengths)
    starts = np.cumsum([0, *lengths])
    labels = np.concatenate(
        [survey.whole.labels[survey.places] for survey in surveys.values()]
    )

    def one(place: int) -> Findings:
        split = splits[place]
        survey = surveys[names[split]]
        return image(names[split], survey, int(place - starts[split]))

    def both(pair: Pair) -> Findings:
        return {
            "kind": pair.kind,
            "likeness": round(pair.likeness, 4),
            "mirrored": pair.mirrored,
            "first": one(pair.first),
            "second": one(pair.second),
        }

    return {
        "across": [both(pair) for pair in found.between(splits)],
        "leaked": of_kind(found.leaked(splits)),
        "in_conflict": [both(pair) for pair in found.in_conflict(labels)],
        "within": {
            name: [both(pair) for pair in found.within(splits, split)]
            for split, name in enumerate(names)
        },
        "too_many": {
            name: found.too_many(splits, split)
            for split, name in enumerate(names)
        },
    }


def of_kind(leaked: Mapping[int, str]) -> Findings:
    """How many images of the later split are in the first too."""
    return {
        "images": len(leaked),
        "exact": sum(kind != "near" for kind in leaked.values()),
    }
