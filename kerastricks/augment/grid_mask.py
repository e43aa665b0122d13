"""GridMask: squares on a regular grid go.

    x'[i, j] = 0 where (u + p) mod d and (v + q) mod d are both at least l,
    l = ceil(ratio d), d and the phases p, q uniform, (u, v) = (i, j) turned by
    up to `rotate` degrees about the centre

Paper: Chen et al., arXiv 2001.04086, with the law of its code in the paper's
mode: d in 96..223 at 224 pixels, ratio .6 of it stays, no rotation, and the
probability grows in a straight line to .8 at four fifths of a run of 300 epochs
and stays there; here it is constant. Acts on: the normalised batch. Cost: one
pass. Hurts: short trainings. keras-cv's GridMask draws the ratio instead of d
and always rotates.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.erase import MaskEraser
from kerastricks.checks import check_probability, check_range


def grid_mask(
    period: Any, kept: Any, phase: Any, rows: Any, columns: Any
) -> Any:
    """bool [B, H, W]: what goes.

    Args:
        period, kept: int32 [B], of the grid, and how much of it stays.
        phase: int32 [B, 2].
        rows, columns: where pixels lie, int32, broadcasting to [B, H, W].
    """
    holes = []
    for places, shift in ((rows, phase[:, 0]), (columns, phase[:, 1])):
        within = ops.mod(places + shift[:, None, None], period[:, None, None])
        holes.append(within >= kept[:, None, None])
    return ops.logical_and(*holes)


def upright(height: int, width: int) -> tuple[Any, Any]:
    """Rows [1, H, 1] and columns [1, 1, W] of the pixels."""
    rows = np.arange(height, dtype=np.int32)[None, :, None]
    columns = np.arange(width, dtype=np.int32)[None, None, :]
    return rows, columns


def turned(angle: Any, height: int, width: int) -> tuple[Any, Any]:
    """The same after turns by [B] radians about the centre: [B, H, W]."""
    rows, columns = upright(height, width)
    y, x = rows - (height - 1) / 2, columns - (width - 1) / 2
    cos, sin = (wave(angle)[:, None, None] for wave in (ops.cos, ops.sin))
    turned_rows = cos * y - sin * x + height / 2
    turned_columns = sin * y + cos * x + width / 2
    return tuple(
        ops.cast(ops.floor(places), "int32")  # to the nearest pixel
        for places in (turned_rows, turned_columns)
    )


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class GridMask(MaskEraser):
    """Erases a grid of squares of each image with probability `rate`.

    Args:
        ratio: share of the grid's period that stays, in (0, 1).
        period: smallest and largest one, as shares of the shorter side; by
            default the paper's 96 and 224 of 224 pixels.
        rotate: largest turn in degrees.
        fill: see Eraser.

    Example:
        images, labels = GridMask(0.8)(images, labels, keys)
    """

    rate: float = 0.8
    ratio: float = 0.6
    period: tuple[float, float] = (96 / 224, 1.0)
    rotate: float = 0.0

    def __post_init__(self) -> None:
        check_probability(rate=self.rate)
        super().__post_init__()
        if not 0 < self.ratio < 1:
            raise ValueError(
                f"ratio must be in (0, 1). Received: ratio={self.ratio}"
            )
        check_range(period=self.period)
        if not 0 <= self.rotate <= 180:
            raise ValueError(
                f"rotate must be in [0, 180]. Received: rotate={self.rotate}"
            )

    def mask(self, keys: Any, height: int, width: int) -> Any:
        drawn = draws.uniform(keys, "grid mask", 5)
        side = min(height, width)
        low, high = (max(2, round(share * side)) for share in self.period)
        # The code's randint(d1, d2) leaves d2 out.
        period = low + draws.integers(drawn[:, 1], max(high - low, 1))
        kept = ops.cast(
            ops.ceil(ops.cast(period, "float32") * self.ratio - 1e-4), "int32"
        )
        phase = draws.integers(drawn[:, 2:4], period[:, None])
        places = upright(height, width)
        if self.rotate:
            angle = drawn[:, 4] * float(np.deg2rad(self.rotate))
            places = turned(angle, height, width)
        holes = grid_mask(period, kept, phase, *places)
        return ops.logical_and(holes, drawn[:, :1, None] < self.rate)
