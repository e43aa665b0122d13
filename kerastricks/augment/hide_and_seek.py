"""Hide-and-Seek: of the cells of a grid, each goes by chance.

    x'[i, j] = 0 if cell (i // g, j // g) is hidden, each with probability
    `rate`; g drawn for each image among `sizes`, 0 hides nothing

Paper: Singh and Lee, arXiv 1704.04232 and 1811.02545: rate .5, cells of 0, 16,
32, 44 or 56 pixels at 224, filled with the dataset's mean colour. Acts on: the
normalised batch, where that is 0. Cost: one pass. Hurts: a classifier sees half
of each image only; short trainings.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.erase import MaskEraser
from kerastricks.checks import check_probability

WHOLE = np.float32(1e9)  # a cell's side that no image exceeds


def cell_mask(hidden: Any, side: Any, height: int, width: int) -> Any:
    """bool [B, H, W]: pixels of hidden cells.

    Args:
        hidden: bool [B, R, C], R and C as many as the smallest cells need.
        side: float [B] of a cell.
    """
    cells_of_rows = one_hot_cells(side, height, hidden.shape[1])
    cells_of_columns = one_hot_cells(side, width, hidden.shape[2])
    # Sums of one 1 and many 0: exact in any precision, and faster than to
    # look up each pixel.
    of_rows = ops.matmul(cells_of_rows, ops.cast(hidden, "float32"))
    by_pixel = ops.matmul(of_rows, ops.transpose(cells_of_columns, (0, 2, 1)))
    return by_pixel > 0.5


def one_hot_cells(side: Any, length: int, cells: int) -> Any:
    """float32 [B, length, cells]: which cell a place belongs to."""
    # Halfway between whole numbers, so that no rounding moves a border.
    places = np.arange(length, dtype=np.float32)[None] + 0.5
    cell = ops.cast(ops.floor(places / side[:, None]), "int32")
    return ops.one_hot(cell, cells, dtype="float32")


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class HideAndSeek(MaskEraser):
    """Erases cells of a grid.

    Args:
        rate: probability of each cell to go.
        sizes: of cells, shares of the shorter side, 0 for an image that stays
            whole; by default the paper's.
        fill: see Eraser.

    Example:
        images, labels = HideAndSeek(0.5)(images, labels, keys)
    """

    rate: float = 0.5
    sizes: tuple[float, ...] = (0, 16 / 224, 32 / 224, 44 / 224, 56 / 224)

    def __post_init__(self) -> None:
        check_probability(rate=self.rate)
        super().__post_init__()
        if not self.sizes or not all(0 <= size <= 1 for size in self.sizes):
            raise ValueError(
                "sizes must be shares of the side in [0, 1], at least one. "
                f"Received: sizes={self.sizes}"
            )

    def mask(self, keys: Any, height: int, width: int) -> Any:
        sides = [
            max(1, round(size * min(height, width))) if size else 0
            for size in self.sizes
        ]
        smallest = min((side for side in sides if side), default=height)
        rows, columns = (-(-length // smallest) for length in (height, width))
        drawn = draws.uniform(keys, "hide and seek", 1 + rows * columns)
        which = draws.integers(drawn[:, 0], len(sides))
        table = np.array([side or WHOLE for side in sides], np.float32)
        side = ops.take(ops.convert_to_tensor(table), which)
        hidden = ops.reshape(drawn[:, 1:] < self.rate, (-1, rows, columns))
        hidden = ops.logical_and(hidden, (side < WHOLE)[:, None, None])
        return cell_mask(hidden, side, height, width)
