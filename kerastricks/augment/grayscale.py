"""Random grayscale: some images lose their colours.

    x' = grey(x) = .299 R + .587 G + .114 B   with probability `rate`

Papers: SimCLR arXiv 2002.05709 (rate .2). Acts on: the batch, in one matrix
with the other colour tricks. Cost: none beside them. Hurts: classes told apart
by colour.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import color, draws
from kerastricks.checks import check_probability


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class RandomGrayscale(color.ColorTrick):
    """Takes the colours from each image with probability `rate`.

    Example:
        images, labels = RandomGrayscale(0.2)(images, labels, keys)
    """

    rate: float = 0.1

    def __post_init__(self) -> None:
        check_probability(rate=self.rate)

    def matrix(self, keys: Any, mean: Any) -> Any:
        keeps = draws.uniform(keys, "grayscale")[:, 0] >= self.rate
        return color.saturation_matrix(ops.cast(keeps, "float32"))
