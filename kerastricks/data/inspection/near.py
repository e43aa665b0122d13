"""Near duplicates: the same picture, re-encoded, resized, cropped or mirrored.

Found in three steps, the first two on grey signatures of 32x32:

1. Candidates. The signature's lowest frequencies (8x8 of its DCT, without the
   mean), each times its frequency since photos fall off as 1 / frequency, make
   a unit vector of 63 numbers. A vector, and that of the mirrored picture, goes
   to the nearest few of 2 sqrt(N) pivots, pictures drawn at random; only
   vectors that share a pivot are compared: N^1.5 work instead of N^2.
2. Proof. One picture is zoomed by up to a tenth and shifted to fit the other,
   and the fine structure of both (what smoothing takes away) must agree. Two
   skies have the same low frequencies, but not that.
3. Colours. Those of a 4x4 picture must agree up to brightness: the same symbol
   in other colours is another picture.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from kerastricks.data.inspection.facts import SIDE

FREQUENCIES = 8
LIKE = 0.7  # cosine of two vectors from which on they are candidates
SAME = 0.85  # correlation of two fine structures from which on they are one
PIVOTS = 2.0  # times sqrt(N)
CELLS = 5  # pivots that a picture goes to
TINT = 0.4  # difference of two layouts, in their deviation, that is too much
FLAT = 2.0  # grey levels: with less deviation a picture shows nothing
BLOCK = 256  # pictures fitted at once
# Smoothed by these (pixels of the signature), the difference is the fine
# structure: JPEG's losses are smaller, likeness of another scene is larger.
FINE, COARSE = 0.7, 2.0
# Side of the part that a crop kept, and places to try along each axis.
ZOOMS = ((1.0, 1), (0.95, 3), (0.9, 5))

Progress = Callable[[int, int], None]
Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Twins:
    """Two pictures that show the same, by number; likeness is 1 at most."""

    first: int
    second: int
    likeness: float
    mirrored: bool = False


def near_duplicates(
    signatures: Array, layouts: Array, progress: Progress | None = None
) -> list[Twins]:
    """Every such pair, first < second, the most alike first.

    Args:
        signatures: uint8 [N, 32, 32], grey.
        layouts: uint8 [N, 4, 4, 3], of the same pictures.
        progress: told (done, total) of the pictures that are like another.
    """
    shown = np.flatnonzero(signatures.std(axis=(1, 2)) >= FLAT)
    if len(shown) < 2:
        return []
    found = candidates(vectors(signatures[shown]))
    pairs = shown[np.concatenate(found)]
    if not len(pairs):
        return []
    mirrored = np.repeat([False, True], [len(part) for part in found])
    close = tints(layouts, pairs, mirrored) <= TINT
    pairs, mirrored = pairs[close], mirrored[close]
    alike = likeness(signatures, pairs, mirrored, progress)
    best: dict[tuple[int, int], Twins] = {}
    for row in np.flatnonzero(alike >= SAME):
        key = int(pairs[row, 0]), int(pairs[row, 1])
        if key not in best or best[key].likeness < alike[row]:
            best[key] = Twins(*key, float(alike[row]), bool(mirrored[row]))
    return sorted(best.values(), key=lambda twins: -twins.likeness)


# Candidates


def vectors(signatures: Array) -> Array:
    """float32 [N, 64] of length 1; the mean's place holds 0."""
    place = np.arange(FREQUENCIES)
    turns = place[:, None] * (np.arange(SIDE) + 0.5) / SIDE
    waves = np.cos(np.pi * turns).astype(np.float32)
    weight = np.hypot(place[:, None], place).astype(np.float32)
    found = spread(waves, signatures.astype(np.float32), waves) * weight
    flat = found.reshape(len(found), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-6)


def mirror(rows: Array) -> Array:
    """Vectors of the mirrored pictures: odd waves along the width turn."""
    signs = np.tile((-1.0) ** np.arange(FREQUENCIES), FREQUENCIES)
    return rows * signs.astype(np.float32)


def spread(rows: Array, pictures: Array, columns: Array) -> Array:
    """rows @ picture @ columns.T of each picture."""
    return np.matmul(np.matmul(rows, pictures), columns.T)


def candidates(rows: Array) -> tuple[Array, Array]:
    """int64 [M, 2] of pairs alike as they are, and of pairs alike mirrored."""
    count = len(rows)
    number = min(count, int(np.ceil(PIVOTS * np.sqrt(count))))
    drawn = np.random.RandomState(0).permutation(count)[:number]
    turned = mirror(rows)
    plain = cells(rows, rows[drawn])
    flipped = cells(turned, rows[drawn])
    found: tuple[list[Array], list[Array]] = ([], [])
    for here, there in zip(plain, flipped, strict=True):
        found[0].append(alike(rows, here, rows, here))
        found[1].append(alike(rows, here, turned, there))
    return once(found[0], count), once(found[1], count)


def cells(rows: Array, pivots: Array) -> list[Array]:
    """Which rows have each pivot among their nearest."""
    many = min(CELLS, len(pivots))
    nearest = np.concatenate(
        [
            np.argpartition(-(part @ pivots.T), many - 1, axis=1)[:, :many]
            for part in np.array_split(rows, max(1, len(rows) // 4096))
        ]
    )
    order = np.argsort(nearest, axis=None, kind="stable")
    counts = np.bincount(nearest.reshape(-1), minlength=len(pivots))
    return np.split(order // many, np.cumsum(counts)[:-1])


def alike(ours: Array, here: Array, theirs: Array, there: Array) -> Array:
    """Pairs of numbers whose vectors are candidates, the smaller first."""
    found = [np.zeros((0, 2), np.int64)]
    others = theirs[there]
    for part in np.array_split(here, max(1, len(here) // 4096)):
        rows, columns = np.nonzero(ours[part] @ others.T >= LIKE)
        pairs = np.stack([part[rows], there[columns]], axis=1)
        found.append(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1))
    return np.concatenate(found)


def once(found: list[Array], count: int) -> Array:
    """Each pair a single time, in order."""
    pairs = np.concatenate(found)
    codes = np.unique(pairs[:, 0] * count + pairs[:, 1])
    return np.stack([codes // count, codes % count], axis=1)


# Proof


def likeness(
    signatures: Array,
    pairs: Array,
    mirrored: Array,
    progress: Progress | None = None,
) -> Array:
    """float32 [M]: how well the fine structures of each pair agree.

    Args:
        signatures: uint8 [N, 32, 32].
        pairs: int [M, 2].
        mirrored: bool [M], whether one of the two is to be turned.
    """
    best = np.full(len(pairs), -1, np.float32)
    # Either may be a part of the other; sorted, so that each picture's parts
    # are made once.
    owners = np.concatenate([pairs[:, 0], pairs[:, 1]])
    others = np.concatenate([pairs[:, 1], pairs[:, 0]])
    order = np.argsort(owners, kind="stable")
    numbers, starts = np.unique(owners[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    for begin in range(0, len(numbers), BLOCK):
        block = numbers[begin : begin + BLOCK]
        rows = order[starts[begin] : ends[begin + len(block) - 1]]
        parts = windows(signatures[block])
        whole = fine(signatures[others[rows]])
        turned = mirrored[rows % len(pairs)]
        whole[turned] = whole[turned][:, :, ::-1]
        place = np.searchsorted(block, owners[rows])
        fits = agreement(parts, place, normal(whole))
        np.maximum.at(best, rows % len(pairs), fits)
        if progress:
            progress(min(begin + BLOCK, len(numbers)), len(numbers))
    return best


def agreement(parts: list[Array], place: Array, whole: Array) -> Array:
    """The best correlation of any part at each place with the whole."""
    best = np.full(len(place), -1, np.float32)
    for part in parts:
        fit = np.einsum("nd,nd->n", part[place], whole)
        best = np.maximum(best, fit)
    return best


def windows(signatures: Array) -> list[Array]:
    """The fine structure of each part that a crop may have kept."""
    pictures = fine(signatures)
    found = []
    for share, tries in ZOOMS:
        corners = np.linspace(0, SIDE * (1 - share), tries)
        cuts = [part_of_line(corner, SIDE * share) for corner in corners]
        both = np.concatenate(cuts)  # all rows at once: large products
        cut = spread(both, pictures, both)
        cut = cut.reshape(-1, tries, SIDE, tries, SIDE)
        found += [
            normal(cut[:, down, :, across])
            for down in range(tries)
            for across in range(tries)
        ]
    return found


def fine(signatures: Array) -> Array:
    """Without noise and shading: float32 [N, 32, 32]."""
    pictures = signatures.astype(np.float32)
    near, far = smoothing(FINE), smoothing(COARSE)
    return spread(near, pictures, near) - spread(far, pictures, far)


def tints(layouts: Array, pairs: Array, mirrored: Array) -> Array:
    """float32 [M]: how the colours of each pair differ, brightness aside.

    |a - g b| / |a - mean(a)|,  g = a b / b b
    """
    ours = layouts[pairs[:, 0]].astype(np.float32)
    theirs = layouts[pairs[:, 1]].astype(np.float32)
    theirs[mirrored] = theirs[mirrored][:, :, ::-1]
    ours, theirs = (part.reshape(len(pairs), -1) for part in (ours, theirs))
    gain = (ours * theirs).sum(1) / (theirs**2).sum(1).clip(1)
    apart = np.square(ours - gain[:, None] * theirs).mean(1)
    return np.sqrt(apart) / ours.std(axis=1).clip(1)


def smoothing(width: float) -> Array:
    """float32 [32, 32]: a Gaussian around each pixel, of sum 1."""
    place = np.arange(SIDE)
    bells = np.exp(-0.5 * ((place[:, None] - place) / width) ** 2)
    return (bells / bells.sum(axis=1, keepdims=True)).astype(np.float32)


def part_of_line(start: float, length: float) -> Array:
    """float32 [32, 32] that stretches a part of 32 pixels to all 32."""
    place = (np.arange(SIDE) + 0.5) * length / SIDE + start - 0.5
    place = place.clip(0, SIDE - 1)
    tents = 1 - np.abs(place[:, None] - np.arange(SIDE))
    return tents.clip(0).astype(np.float32)


def normal(pictures: Array) -> Array:
    """Mean 0 and length 1, so that a product is a correlation."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-6)
