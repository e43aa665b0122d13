"""A first convolution that whitens small patches, and is not trained.

    kernel = +-eigenvectors / sqrt(eigenvalues + 5e-4)

of the covariance of all 2x2 patches of some training images, so that its
outputs are uncorrelated and of variance 1 from the first step on. Source:
airbench (arXiv 2404.00498). Acts on: the stem of `cifar_fast`. Cost: once, a
second for 5,000 images of 32 pixels. Its bias is trained.
"""

from typing import Any

import keras
import numpy as np

PATCH = 2
EPSILON = 5e-4  # airbench's


@keras.saving.register_keras_serializable("kerastricks")
class WhiteningConv2D(keras.layers.Conv2D):
    """A convolution whose kernel stays what `whitening_kernel` measured.

    Example:
        layer = WhiteningConv2D(24, 2)
        layer.build(images.shape)
        layer.kernel.assign(whitening_kernel(images))
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.kernel.trainable = False

    @property
    def trainable(self) -> bool:
        return super().trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        # Of a layer, Keras sets all variables.
        keras.layers.Conv2D.trainable.fset(self, value)
        if self.built:
            self.kernel.trainable = False


def whitening_kernel(images: Any) -> np.ndarray:
    """float32 [2, 2, C, 8 C] from normalised images [N, H, W, C]."""
    images = np.asarray(images, np.float64)
    channels = images.shape[-1]
    size = PATCH * PATCH * channels
    windows = np.lib.stride_tricks.sliding_window_view(
        images, (PATCH, PATCH), axis=(1, 2)
    )  # [N, H - 1, W - 1, C, 2, 2]
    covariance, count = np.zeros((size, size)), 0
    for some in np.array_split(windows, max(1, len(images) // 100)):
        patches = some.reshape(-1, size)
        covariance += patches.T @ patches
        count += len(patches)
    values, vectors = np.linalg.eigh(covariance / count)
    scaled = (vectors / np.sqrt(values + EPSILON))[:, ::-1]  # largest first
    kernel = np.concatenate([scaled, -scaled], axis=1)
    return (
        kernel.reshape(channels, PATCH, PATCH, 2 * size)
        .transpose(1, 2, 0, 3)
        .astype(np.float32)
    )
