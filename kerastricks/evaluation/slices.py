"""Accuracy over parts of the data: by image size, or by any name of a group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerastricks.evaluation.metrics import wilson_interval


@dataclass(frozen=True)
class Slice:
    """A part of the images: how many are right, with a 95 % interval."""

    name: str
    count: int
    accuracy: float
    low: float
    high: float


def slices_by_size(
    right: np.ndarray, sizes: np.ndarray, parts: int = 4
) -> list[Slice]:
    """Parts of about equal count by `sqrt(height width)`, smallest first.

    Sides are rounded to pixels. Equal sides stay together, so there may be
    fewer parts than asked for: one, if all images have one size.

    Args:
        right: bool [N].
        sizes: [N, 2], (height, width) of each image.
        parts: at most this many.

    Example:
        [part.name for part in slices_by_size(right, sizes, parts=3)]
        # ["up to 211 px", "211-300 px", "above 300 px"]
    """
    right, sizes = np.asarray(right), np.asarray(sizes)
    if sizes.shape != (len(right), 2) or parts < 1:
        raise ValueError(
            "sizes must be (height, width) of each image, and parts at least "
            f"1. Received: sizes.shape={sizes.shape}, images={len(right)}, "
            f"parts={parts}"
        )
    if not len(right):
        return []
    sides = np.rint(np.sqrt(np.prod(sizes, axis=1, dtype=np.float64)))
    cuts = _cuts(sides.astype(np.int64), parts)
    if not len(cuts):
        return [_slice(_one_name(sizes, sides), right)]
    places = np.searchsorted(cuts, sides, side="left")
    return [
        _slice(name, right[places == place])
        for place, name in enumerate(_names(cuts))
    ]


def slices_by_group(right: np.ndarray, groups: Sequence[str]) -> list[Slice]:
    """One part for each distinct name, in the order of the names.

    Args:
        right: bool [N].
        groups: N names, such as the class or the folder of each image.
    """
    right = np.asarray(right)
    if len(groups) != len(right):
        raise ValueError(
            "each image needs a group. Received: "
            f"groups={len(groups)}, images={len(right)}"
        )
    names, places = np.unique(np.asarray(groups, str), return_inverse=True)
    return [
        _slice(str(name), right[places == place])
        for place, name in enumerate(names)
    ]


def slices_by_label(
    right: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> list[Slice]:
    """One part for each class that has images; two may have one name."""
    return [
        _slice(class_names[label], right[labels == label])
        for label in np.unique(labels)
    ]


def _cuts(sides: np.ndarray, parts: int) -> np.ndarray:
    """The highest side of each part but the last, rising."""
    ordered = np.sort(sides)
    ends = np.arange(1, parts) * len(ordered) // parts
    cuts = np.unique(ordered[ends[ends > 0] - 1])
    return cuts[cuts < ordered[-1]]


def _names(cuts: np.ndarray) -> list[str]:
    between = [
        f"{low}-{high} px" for low, high in zip(cuts, cuts[1:], strict=False)
    ]
    return [f"up to {cuts[0]} px", *between, f"above {cuts[-1]} px"]


def _one_name(sizes: np.ndarray, sides: np.ndarray) -> str:
    if (sizes == sizes[0]).all():
        return f"{int(sizes[0, 0])} x {int(sizes[0, 1])}"
    low, high = int(sides.min()), int(sides.max())
    return f"{low} px" if low == high else f"{low}-{high} px"


def _slice(name: str, right: np.ndarray) -> Slice:
    accuracy = float(np.mean(right))
    low, high = wilson_interval(accuracy, len(right))
    return Slice(name, len(right), accuracy, low, high)
