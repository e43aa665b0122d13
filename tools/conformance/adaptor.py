"""How a contestant takes part: by a function from batch to batch."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# (images float32 [B, H, W, 3] on 0..255, labels float32 [B, C]) -> the same.
Apply = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Adaptor(NamedTuple):
    """One trick of a contestant.

    Args:
        setting: what a user would write.
        make: gives the function; imports what it needs.
    """

    setting: str
    make: Callable[[], Apply]


Contestant = dict[str, Adaptor]


def images_only(function: Callable[[np.ndarray], np.ndarray]) -> Apply:
    """A trick that leaves the labels alone."""
    return lambda images, labels: (function(images), labels)


def one_by_one(function: Callable[[np.ndarray], np.ndarray]) -> Apply:
    """A trick that takes single images, as a dataset does."""
    return lambda images, labels: (
        np.stack([function(image) for image in images]),
        labels,
    )
