"""What every source of images gives the pipeline."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerastricks.errors import InputError


@dataclasses.dataclass(frozen=True)
class Source:
    """Random access to the labelled images of one split.

    Args:
        class_names: in the order of the labels.
        labels: int32 [N], or float32 [N, C] of 0 and 1 where an image may
            have several classes, or none.
        names: what an error or a report calls each image.
        fetch: index tensor -> the file's bytes, or uint8 [H, W, 3] pixels.
        encoded: whether fetch gives bytes.
        natural_size: a side that suits these images.
        indices: positions of this split's images in what `fetch` reads.
        skipped: files left out because they are no images.
        in_files: whether each name is the path of a file of its own.
        square: side of the finished squares that fetch gives, else 0.
        stamp: changes with the content, for sources that are not in files.
        anywhere: whether `fetch` also works in another process, which has a
            copy of its graph and the same files.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    names: Sequence[str]
    fetch: Callable[[Any], Any]
    encoded: bool
    natural_size: int
    indices: np.ndarray
    skipped: tuple[str, ...] = ()
    in_files: bool = False
    square: int = 0
    stamp: str = ""
    anywhere: bool = True

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def multi_label(self) -> bool:
        """Whether an image may have several classes."""
        return self.labels.ndim == 2

    def class_counts(self) -> np.ndarray:
        """Images of each class, int [C]."""
        if self.multi_label:
            return np.count_nonzero(self.labels, axis=0)
        return np.bincount(self.labels, minlength=len(self.class_names))

    def subset(self, chosen: np.ndarray) -> "Source":
        """The same source with only the images at these positions."""
        return dataclasses.replace(
            self,
            labels=self.labels[chosen],
            names=[self.names[i] for i in chosen],
            indices=self.indices[chosen],
        )


def stamp_of(source: Source) -> str:
    """SHA-256 of which images there are; changes when one of the files does."""
    total = hashlib.sha256(source.stamp.encode())
    for name in source.names:
        if source.in_files:
            name = os.path.abspath(name)
        total.update(b"\n" + os.fsencode(name))
        if source.in_files:
            about = os.stat(name)
            total.update(f"|{about.st_size}|{about.st_mtime_ns}".encode())
    return total.hexdigest()


def stratified(
    labels: np.ndarray, fraction: float, seed: int, leave: int = 0
) -> np.ndarray:
    """Positions of a seeded share of each class, at least one of each.

    Where images have several classes, a share of all images with each class
    among them. Sorted, so that a share of 1 is the split itself. RandomState's
    stream is frozen (NEP 19): the same split for ever.

    Args:
        leave: how many of each class to leave out at least.
    """
    if labels.ndim == 2:
        rest = len(labels) - max(1, round(fraction * len(labels)))
        return np.setdiff1d(
            np.arange(len(labels)), dispensable(labels, rest, seed)
        )
    random = np.random.RandomState(seed)
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(round(fraction * len(members)), len(members) - leave)
        chosen.append(random.permutation(members)[: max(1, count)])
    return np.sort(np.concatenate(chosen))


def dispensable(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sorted positions of up to `count` seeded images that can be spared.

    The others still have an image of each class that there is.

    Args:
        labels: [N, C] of 0 and 1.
    """
    left = np.count_nonzero(labels, axis=0)
    chosen: list[int] = []
    for place in np.random.RandomState(seed).permutation(len(labels)):
        if len(chosen) == count:
            break
        classes = np.flatnonzero(labels[place])
        if (left[classes] > 1).all():
            left[classes] -= 1
            chosen.append(place)
    return np.array(sorted(chosen), np.int64)


def split_off(
    source: Source,
    fraction: float,
    seed: int,
    where: str,
    any_classes: bool = False,
) -> tuple[Source, Source]:
    """(rest, share): a stratified, seeded share taken out of a source.

    Where images have several classes, a share of all images; the rest keeps
    each class, and the share is smaller if it must be.

    Args:
        fraction: 1 leaves nothing to train on: both are the whole source.
        where: what an error calls the source.
        any_classes: also such with a single image, which the share gets.
    """
    if fraction == 1:
        return source, source
    if fraction <= 0:
        raise InputError(
            "data without a validation split of its own needs a val_fraction "
            f"above 0. Received: val_fraction={fraction}, {where}"
        )
    if source.multi_label or not any_classes:
        check_can_split(source, where)
    if source.multi_label:
        count = max(1, round(fraction * len(source)))
        share = dispensable(source.labels, count, seed)
    else:
        share = stratified(source.labels, fraction, seed, leave=1)
    rest = np.setdiff1d(np.arange(len(source)), share)
    return source.subset(rest), source.subset(share)


def check_can_split(source: Source, where: str) -> None:
    """Each class must leave an image on both sides of a split.

    With several labels an image, some image must be one that can be spared.
    """
    counts = source.class_counts()
    if source.multi_label:
        lonely = len(dispensable(source.labels, 1, 0)) == 0
    else:
        lonely = counts.min() < 2
    if lonely:
        name = source.class_names[int(counts.argmin())]
        raise InputError(
            "a class needs at least two images to be split into training and "
            f"validation. Received: one image of class {name} in {where}"
        )
