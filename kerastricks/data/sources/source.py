"""What every source of images gives the pipeline."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Source:
    """Random access to the labelled images of one split.

    Args:
        class_names: in the order of the labels.
        labels: int32 [N].
        names: what an error or a report calls each image.
        fetch: index tensor -> the file's bytes, or uint8 [H, W, 3] pixels.
        encoded: whether fetch gives bytes.
        natural_size: a side that suits these images.
        indices: positions of this split's images in what `fetch` reads.
        skipped: files left out because they are no images.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    names: Sequence[str]
    fetch: Callable[[Any], Any]
    encoded: bool
    natural_size: int
    indices: np.ndarray
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, chosen: np.ndarray) -> "Source":
        """The same source with only the images at these positions."""
        return dataclasses.replace(
            self,
            labels=self.labels[chosen],
            names=[self.names[i] for i in chosen],
            indices=self.indices[chosen],
        )


def stratified(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Positions of a seeded share of each class, at least one of each.

    Sorted, so that a share of 1 is the split itself. RandomState's stream is
    frozen (NEP 19): the same split for ever.
    """
    random = np.random.RandomState(seed)
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = max(1, round(fraction * len(members)))
        chosen.append(random.permutation(members)[:count])
    return np.sort(np.concatenate(chosen))


def split_off(
    source: Source, fraction: float, seed: int
) -> tuple[Source, Source]:
    """(rest, share): a stratified, seeded share taken out of a source."""
    share = stratified(source.labels, fraction, seed)
    rest = np.setdiff1d(np.arange(len(source)), share)
    return source.subset(rest), source.subset(share)
