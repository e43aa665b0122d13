"""Images that occur more than once, within a split and across splits.

Images are numbered through all splits, training first, and so is whatever is
said of a pair: `first` is the one to keep, a training image if one of the two
is one.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from kerastricks.data.inspection.facts import Facts
from kerastricks.data.inspection.near import Twins, near_duplicates

Progress = Callable[[int, int], None]
FILE, PIXELS, NEAR = "same file", "same pixels", "near"


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two images that show the same.

    Args:
        kind: `same file`, `same pixels` or `near`.
        likeness: 1 where they are the same.
        mirrored: whether one is the other's mirror image.
    """

    first: int
    second: int
    kind: str
    likeness: float = 1.0
    mirrored: bool = False


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """All pairs, and what follows from them.

    Args:
        pairs: each further image of a set of equal ones, paired with the first;
            then near ones, between the first ones of their sets.
        groups: of each image, the number of the first image like it.
    """

    pairs: tuple[Pair, ...]
    groups: np.ndarray

    def between(self, splits: np.ndarray) -> list[Pair]:
        """Pairs whose images lie in two splits.

        Args:
            splits: int [N], each image's split.
        """
        return [p for p in self.pairs if splits[p.first] != splits[p.second]]

    def within(self, splits: np.ndarray, split: int) -> list[Pair]:
        """Pairs of one split."""
        return [
            pair
            for pair in self.pairs
            if splits[pair.first] == splits[pair.second] == split
        ]

    def leaked(self, splits: np.ndarray) -> dict[int, str]:
        """Images with a like one in an earlier split, and how like it is."""
        earliest: dict[int, int] = {}
        for place, group in enumerate(self.groups.tolist()):
            split = int(splits[place])
            earliest[group] = min(split, earliest.get(group, split))
        exact = {
            pair.second for pair in self.between(splits) if pair.kind != NEAR
        }
        return {
            place: FILE if place in exact else NEAR
            for place, group in enumerate(self.groups.tolist())
            if earliest[group] < splits[place]
        }

    def too_many(self, splits: np.ndarray, split: int) -> int:
        """Images of a split beyond the first of each set of like ones."""
        groups = self.groups[splits == split]
        return len(groups) - len(np.unique(groups))

    def in_conflict(self, labels: np.ndarray) -> list[Pair]:
        """Pairs that are labelled differently.

        Args:
            labels: [N] or [N, C].
        """
        return [
            pair
            for pair in self.pairs
            if not np.array_equal(labels[pair.first], labels[pair.second])
        ]


def duplicates(
    facts: Sequence[Facts], progress: Progress | None = None
) -> Duplicates:
    """What occurs twice among images; unreadable ones count for nothing."""
    same, firsts = exact(facts)
    first = (firsts == np.arange(len(facts))) & readable(facts)
    known: list[int] = np.flatnonzero(first).tolist()
    near: list[Twins] = []
    if known:
        signatures = np.array([facts[i].signature for i in known])
        layouts = np.array([facts[i].layout for i in known])
        near = near_duplicates(signatures, layouts, progress)
    pairs = same + [
        Pair(
            known[twins.first],
            known[twins.second],
            NEAR,
            twins.likeness,
            twins.mirrored,
        )
        for twins in near
    ]
    return Duplicates(tuple(pairs), joined(len(facts), pairs))


def readable(facts: Sequence[Facts]) -> np.ndarray:
    """bool [N]."""
    return np.array([not one.fault for one in facts], bool)


def exact(facts: Sequence[Facts]) -> tuple[list[Pair], np.ndarray]:
    """Pairs of the same pixels, and of each image the first that has them."""
    seen: dict[bytes, int] = {}
    firsts = np.arange(len(facts))
    pairs = []
    for place, one in enumerate(facts):
        if one.fault:
            continue
        first = seen.setdefault(one.pixels, place)
        if first != place:
            firsts[place] = first
            same_file = one.digest and one.digest == facts[first].digest
            pairs.append(Pair(first, place, FILE if same_file else PIXELS))
    return pairs, firsts


def joined(count: int, pairs: Sequence[Pair]) -> np.ndarray:
    """int [N]: the smallest number that pairs lead to from each image."""
    parents = list(range(count))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for pair in pairs:
        low, high = sorted((root(pair.first), root(pair.second)))
        parents[high] = low
    return np.array([root(place) for place in range(count)], np.int64)
