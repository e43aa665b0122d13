"""RICAP: four images meet at a point.

    h = round(H u), w = round(W v);  u, v ~ Beta(beta, beta), one for the batch
    top left h x w, top right h x (W - w), bottom left and bottom right: random
    crops of those sizes from four permutations of the batch, one corner each
    y' = sum of the four labels, weighted by their shares of the pixels

Paper: Takahashi et al., arXiv 1811.09030 (beta .3), as its code draws it. Acts
on: the normalised batch, last. Cost: a gather of pixels. Hurts: short
trainings; it regularises more than mixup.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.beta import beta_from_uniform
from kerastricks.augment.trick import BatchTrick, check_labels
from kerastricks.checks import check_positive


def ricap_batch(
    images: Any, labels: Any, boundary: Any, orders: Any, corners: Any
) -> tuple[Any, Any]:
    """Patches crops of four samples together.

    Args:
        boundary: int [2], height and width of the top left part.
        orders: int [4, B], whose crop stands top left, top right, bottom left,
            bottom right.
        corners: int [4, 2], (top, left) of each of these crops in its image.
    """
    check_labels(labels)
    images = ops.cast(images, "float32")
    labels = ops.cast(labels, "float32")
    height, width, channels = images.shape[1:]
    rows = ops.arange(height, dtype="int32")[:, None]
    columns = ops.arange(width, dtype="int32")[None, :]
    below = ops.cast(rows >= boundary[0], "int32")
    right = ops.cast(columns >= boundary[1], "int32")
    part = 2 * below + right  # [H, W]: which of the four a pixel belongs to
    # The pixel of the partner's image that each pixel shows.
    row = rows - below * boundary[0] + ops.take(corners[:, 0], part)
    column = columns - right * boundary[1] + ops.take(corners[:, 1], part)
    pixel = ops.reshape(row * width + column, (1, -1))
    whose = ops.transpose(ops.take(orders, ops.reshape(part, (-1,)), axis=0))
    mixed = ops.take(
        ops.reshape(images, (-1, channels)),
        whose * (height * width) + pixel,
        axis=0,
    )
    shares = part_shares(boundary, height, width)
    others = ops.take(labels, orders, axis=0)  # [4, B, C]
    return (
        ops.reshape(mixed, (-1, height, width, channels)),
        ops.sum(shares[:, None, None] * others, axis=0),
    )


def part_shares(boundary: Any, height: int, width: int) -> Any:
    """float32 [4]: shares of the pixels."""
    above = ops.cast(boundary[0], "float32") / height
    left = ops.cast(boundary[1], "float32") / width
    return ops.stack(
        [
            above * left,
            above * (1 - left),
            (1 - above) * left,
            (1 - above) * (1 - left),
        ]
    )


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class Ricap(BatchTrick):
    """Patches crops of four samples of the batch together.

    Args:
        beta: of Beta(beta, beta), above 0.

    Example:
        images, labels = Ricap(0.3)(images, labels, keys)
    """

    beta: float = 0.3
    mixes = True

    def __post_init__(self) -> None:
        check_positive(beta=self.beta)

    def __call__(self, images: Any, labels: Any, keys: Any) -> tuple[Any, Any]:
        sides = np.array(images.shape[1:3], np.float32)
        drawn = draws.uniform(keys[:1], "ricap", 10)[0]
        shares = beta_from_uniform(drawn[:2], self.beta)
        boundary = ops.cast(ops.round(sides * shares), "int32")
        rest = ops.cast(sides, "int32") - boundary
        # Of the four parts: what of each image they leave out.
        spare = ops.stack(
            [
                ops.stack([height, width])
                for height in (rest[0], boundary[0])
                for width in (rest[1], boundary[1])
            ]
        )
        corners = draws.integers(ops.reshape(drawn[2:], (4, 2)), spare + 1)
        orders = ops.stack(
            [draws.permutation(keys, f"ricap order {part}") for part in "1234"]
        )
        return ricap_batch(images, labels, boundary, orders, corners)
