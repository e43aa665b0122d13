"""What every source of images gives the pipeline."""

import dataclasses
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
        stamp: changes with the content, for sources that are not in files.
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
    stamp: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def multi_label(self) -> bool:
        """Whether an image may have several classes."""
        return self.labels.ndim == 2

    def subset(self, chosen: np.ndarray) -> "Source":
        """The same source with only the images at these positions."""
        return dataclasses.replace(
            self,
            labels=self.labels[chosen],
            names=[self.names[i] for i in chosen],
            indices=self.indices[chosen],
        )


def stratified(
    labels: np.ndarray, fraction: float, seed: int, leave: int = 0
) -> np.ndarray:
    """Positions of a seeded share of each class, at least one of each.

    Sorted, so that a share of 1 is the split itself. RandomState's stream is
    frozen (NEP 19): the same split for ever.

    Args:
        leave: how many of each class to leave out at least.
    """
    random = np.random.RandomState(seed)
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = min(round(fraction * len(members)), len(members) - leave)
        chosen.append(random.permutation(members)[: max(1, count)])
    return np.sort(np.concatenate(chosen))


def split_off(
    source: Source, fraction: float, seed: int, where: str
) -> tuple[Source, Source]:
    """(rest, share): a stratified, seeded share taken out of a source.

    Args:
        fraction: 1 leaves nothing to train on: both are the whole source.
        where: what an error calls the source.
    """
    if fraction == 1:
        return source, source
    check_can_split(source, fraction, where)
    share = stratified(source.labels, fraction, seed, leave=1)
    rest = np.setdiff1d(np.arange(len(source)), share)
    return source.subset(rest), source.subset(share)


def check_can_split(source: Source, fraction: float, where: str) -> None:
    """Each class must leave an image on both sides of a split."""
    if fraction <= 0:
        raise InputError(
            "data without a validation split of its own needs a val_fraction "
            f"above 0. Received: val_fraction={fraction}, {where}"
        )
    counts = np.bincount(source.labels)
    if counts.min() < 2:
        name = source.class_names[int(counts.argmin())]
        raise InputError(
            "a class needs at least two images to be split into training and "
            f"validation. Received: one image of class {name} in {where}"
        )
