"""The papers as a contestant: their laws drawn anew in NumPy."""

import numpy as np

from conformance import laws_erase, laws_image, laws_mix, laws_place

CONTESTANT = {
    **laws_mix.LAWS,
    **laws_erase.LAWS,
    **laws_image.LAWS,
    **laws_place.LAWS,
}


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}


def seed() -> None:
    """Every law has a generator of its own."""
