"""Looking at every image of a split once."""

import concurrent.futures
import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data.bad_images import content, read
from kerastricks.data.decode import MAX_PIXELS
from kerastricks.data.inspection.facts import Facts, looker
from kerastricks.data.sources.source import Source

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Survey:
    """What was seen of a split.

    Args:
        whole: the split.
        places: of the images looked at, in the whole.
        facts: one of each of these.
    """

    whole: Source
    places: np.ndarray
    facts: tuple[Facts, ...]

    @property
    def source(self) -> Source:
        """The images looked at."""
        return self.whole.subset(self.places)

    @property
    def good(self) -> np.ndarray:
        """Positions in `facts` of the images that decode."""
        return np.array(
            [i for i, one in enumerate(self.facts) if not one.fault], np.int64
        )


def survey(
    source: Source,
    *,
    sample: int = 0,
    seed: int = 0,
    exif: bool = True,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Survey:
    """Looks at the images of a split, or at a sample of them.

    Args:
        sample: images; 0 for all.
        exif, max_pixels: as in `decode`.
        progress: told (done, total).
    """
    places = drawn(len(source), sample, seed)
    look = looker(source.encoded, exif, max_pixels)

    def facts_of(place: int) -> Facts:
        try:
            return look(data_of(source, place))
        except (tf.errors.OpError, OSError):
            return Facts("cannot be read", format="")

    # TensorFlow and the disk work outside of Python's lock.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(facts_of, places.tolist())
        facts = tuple(counted(found, len(places), progress))
    return Survey(source, places, facts)


def drawn(count: int, sample: int, seed: int) -> np.ndarray:
    """Sorted places of a seeded sample; RandomState's stream is frozen."""
    if not 0 < sample < count:
        return np.arange(count)
    return np.sort(np.random.RandomState(seed).permutation(count)[:sample])


def data_of(source: Source, place: int) -> Any:
    """An image's bytes, or its pixels where these are all there is."""
    if not source.encoded:
        return source.fetch(tf.constant(source.indices[place]))
    data = content(source, place)
    return data if isinstance(data, bytes) else read(data)


def counted(
    facts: Iterator[Facts], total: int, progress: Progress | None
) -> Iterator[Facts]:
    """Passes them on and tells how far it is."""
    for done, one in enumerate(facts, 1):
        if progress and (done == total or done % 50 == 0):
            progress(done, total)
        yield one
