"""What the papers and their code say, in NumPy: erasing."""

import math
from collections.abc import Callable

import numpy as np

from conformance.adaptor import Adaptor, Apply, Contestant, one_by_one

Mask = Callable[[int], np.ndarray]  # side -> bool [side, side]


def erasing(mask: Mask) -> Apply:
    def erase(image: np.ndarray) -> np.ndarray:
        return np.where(mask(len(image))[..., None], 0.0, image)

    return one_by_one(erase)


def box(side: int, top: int, left: int, rows: int, columns: int) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[top : top + rows, left : left + columns] = True
    return mask


def cutout() -> Apply:
    random = np.random.default_rng(4)

    def mask(side: int) -> np.ndarray:
        y, x = random.integers(0, side, 2)
        places = np.arange(side)
        rows, columns = (
            (places >= centre - 8) & (places < centre + 8) for centre in (y, x)
        )
        return rows[:, None] & columns[None]

    return erasing(mask)


def random_erasing() -> Apply:
    random = np.random.default_rng(5)

    def mask(side: int) -> np.ndarray:
        if random.random() > 0.5:
            return np.zeros((side, side), bool)
        for _ in range(100):
            area = random.uniform(0.02, 0.4) * side**2
            aspect = random.uniform(0.3, 1 / 0.3)
            rows = round(math.sqrt(area * aspect))
            columns = round(math.sqrt(area / aspect))
            if rows < side and columns < side:
                top = random.integers(0, side - rows + 1)
                left = random.integers(0, side - columns + 1)
                return box(side, top, left, rows, columns)
        return np.zeros((side, side), bool)

    return erasing(mask)


def grid_mask() -> Apply:
    random = np.random.default_rng(6)

    def mask(side: int) -> np.ndarray:
        if random.random() > 0.8:
            return np.zeros((side, side), bool)
        period = random.integers(96, 224)
        kept = math.ceil(0.6 * period)
        holes = [
            (np.arange(side) + random.integers(0, period)) % period >= kept
            for _ in range(2)
        ]
        return holes[0][:, None] & holes[1][None]

    return erasing(mask)


def hide_and_seek() -> Apply:
    random = np.random.default_rng(7)

    def mask(side: int) -> np.ndarray:
        cell = random.choice([0, 16, 32, 44, 56])
        if not cell:
            return np.zeros((side, side), bool)
        places = np.arange(side) // cell
        hidden = random.random((places[-1] + 1,) * 2) <= 0.5
        return hidden[places][:, places]

    return erasing(mask)


LAWS: Contestant = {
    "cutout": Adaptor("length 16", cutout),
    "random erasing": Adaptor("p .5, as in its code", random_erasing),
    "grid mask": Adaptor("p .8, d 96..223, ratio .6", grid_mask),
    "hide and seek": Adaptor("rate .5, cells 0..56", hide_and_seek),
}
