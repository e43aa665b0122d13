"""PCA noise: AlexNet's lighting.

    x' = x + P (a * l),   a ~ N(0, std), three for each image

P and l are the principal axes of ImageNet's colours and their sizes, so that
noise is largest where natural colours vary most (mostly brightness).

Paper: Krizhevsky et al. 2012 (std .1); bag of tricks arXiv 1812.01187, with
GluonCV's constants. Acts on: the batch, in one matrix with the other colour
tricks. Cost: none beside them. Hurts: little; it does little.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment import color, draws

# Of ImageNet's pixels on 0..255, as GluonCV and fb.resnet.torch have them.
SIZES = np.array([55.46, 4.794, 1.148], np.float32)
AXES = np.array(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ],
    np.float32,
)


def pca_shift(amounts: Any) -> Any:
    """The shift of RGB [B, 3] on 0..255 for amounts [B, 3] of each axis."""
    return ops.sum(AXES[None] * (amounts * SIZES)[:, None], axis=2)


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class PcaNoise(color.ColorTrick):
    """Shifts the colours of each image along ImageNet's axes.

    Args:
        std: of the three amounts.
        clip: cut to 0..255, as GluonCV on bytes; AlexNet did not. Beside a
            jitter that clips it is cut with it.

    Example:
        images, labels = PcaNoise(0.1)(images, labels, keys)
    """

    std: float = 0.1
    clip: bool = True

    def __post_init__(self) -> None:
        if not self.std >= 0:
            raise ValueError(
                f"std must be at least 0. Received: std={self.std}"
            )

    @property
    def clips(self) -> bool:  # type: ignore[override]
        return self.clip

    def matrix(self, keys: Any, mean: Any) -> Any:
        shift = pca_shift(self.std * draws.normal(keys, "pca noise", 3))
        return color.affine(
            color.scaled_identity(ops.ones_like(shift[:, 0])), shift
        )
