"""Colour is one matrix: what is affine in RGB composes before it is applied.

    x' = A x + b     one [A | b], 3x4, for each image; x on 0..255

Brightness, contrast, saturation, hue, grayscale, PCA noise and normalisation
are all of this kind. `Augment` composes neighbours and applies them at once, in
one pass over the batch.

Clipping. torchvision cuts to 0..255 after every step (and on bytes drops the
fraction); one matrix can do so only at its end. docs/conformance.md says how
far that is from torchvision's pixels. The limits go through the normalisation,
which is monotonous, so that it is still one pass.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from kerastricks.augment.trick import ImageTrick

# ITU-R BT.601, as in PIL, MXNet and torchvision (.2989 there).
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# RGB -> YIQ, MXNet's numbers; the way back is the exact inverse, so that no
# turn is the identity (MXNet's rounded one is off by up to 0.7 of 255).
TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]]
)
FROM_YIQ = np.linalg.inv(TO_YIQ)

Limits = tuple[Any, Any]  # lowest and highest value, numbers or [3]


@dataclasses.dataclass(frozen=True)
class ColorTrick(ImageTrick):
    """A change of colours that is one matrix for each image."""

    # Whether what leaves 0..255 is cut off, for all that it composes with.
    clips = False
    # Whether it may become one matrix with its neighbours.
    composes = True

    def matrix(self, keys: Any, mean: Any) -> Any:
        """[B, 3, 4], or [1, 3, 4], for images of these mean colours [B, 3]."""
        raise NotImplementedError

    def limits(self, low: Any, high: Any) -> Limits:
        """Where the range that is kept lies afterwards."""
        return low, high

    def change(self, images: Any, keys: Any) -> Any:
        return change_colors([self], images, keys)


def change_colors(tricks: Sequence[ColorTrick], images: Any, keys: Any) -> Any:
    """Several colour tricks in one pass; float32 [B, H, W, 3]."""
    mean = mean_color(images)
    matrix = ops.convert_to_tensor(np.eye(3, 4, dtype=np.float32)[None])
    limits: Limits = (0.0, 255.0)
    for trick in tricks:
        matrix = compose(matrix, trick.matrix(keys, mean_after(matrix, mean)))
        limits = trick.limits(*limits)
    clips = any(trick.clips for trick in tricks)
    return apply_color(images, matrix, limits if clips else None)


def mean_color(images: Any) -> Any:
    """float32 [B, 3]: the mean of each image's pixels.

    Rows first, each a vector of W * 3 numbers, which is twice as fast on CPUs
    as sums of every third number.
    """
    height, width, channels = images.shape[1:]
    rows = ops.reshape(images, (-1, height, width * channels))
    columns = ops.mean(ops.cast(rows, "float32"), axis=1)
    return ops.mean(ops.reshape(columns, (-1, width, channels)), axis=1)


def apply_color(images: Any, matrix: Any, limits: Limits | None = None) -> Any:
    """A x + b for images [B, H, W, 3] and matrices [B, 3, 4]."""
    images = ops.cast(images, "float32")
    columns = matrix[:, None, None]  # [B, 1, 1, 3, 4]
    # Three multiply-adds that compilers fuse; a matmul of this shape is slower
    # on CPUs and rounds to ten bits on GPUs.
    changed = columns[..., 3] + sum(
        images[..., channel : channel + 1] * columns[..., channel]
        for channel in range(3)
    )
    if limits is not None:
        low, high = (np.asarray(limit, np.float32) for limit in limits)
        changed = ops.minimum(ops.maximum(changed, low), high)
    return changed


def compose(first: Any, second: Any) -> Any:
    """The matrix [B, 3, 4] that does the first, then the second."""
    # Sums of products instead of a matmul, for the same reason.
    product = ops.sum(second[:, :, :3, None] * first[:, None, :, :], axis=2)
    last = np.array([0, 0, 0, 1], np.float32)
    return product + second[:, :, 3:] * last


def mean_after(matrix: Any, mean: Any) -> Any:
    """Mean colours [B, 3] once the matrix has acted."""
    return ops.sum(matrix[:, :, :3] * mean[:, None], axis=2) + matrix[:, :, 3]


def affine(linear: Any, offset: Any) -> Any:
    """[B, 3, 4] of [B, 3, 3] and [B, 3]."""
    return ops.concatenate([linear, offset[:, :, None]], axis=2)


def brightness_matrix(factor: Any) -> Any:
    """x' = f x, for factors [B]."""
    return affine(scaled_identity(factor), zeros_of(factor))


def contrast_matrix(factor: Any, mean: Any) -> Any:
    """x' = f x + (1 - f) m, m the grey of the image's mean colour [B, 3]."""
    grey = ops.sum(mean * LUMA, axis=1)
    offset = ((1 - factor) * grey)[:, None] * np.ones(3, np.float32)
    return affine(scaled_identity(factor), offset)


def saturation_matrix(factor: Any) -> Any:
    """x' = f x + (1 - f) grey(x); f = 0 is the grey image."""
    to_grey = np.tile(LUMA, (3, 1))[None]
    linear = scaled_identity(factor) + (1 - factor)[:, None, None] * to_grey
    return affine(linear, zeros_of(factor))


def hue_matrix(turn: Any) -> Any:
    """A turn of the chroma plane of YIQ by [B] half circles, as MXNet's."""
    angle = (math.pi * turn)[:, None, None]
    # FROM R TO, with R = [[1,0,0],[0,cos,-sin],[0,sin,cos]], by its parts.
    parts = [
        FROM_YIQ @ np.array(part, np.float64) @ TO_YIQ
        for part in (
            [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
            [[0, 0, 0], [0, 1, 0], [0, 0, 1]],
            [[0, 0, 0], [0, 0, -1], [0, 1, 0]],
        )
    ]
    still, cos, sin = (part[None].astype(np.float32) for part in parts)
    linear = still + ops.cos(angle) * cos + ops.sin(angle) * sin
    return affine(linear, zeros_of(turn))


def scaled_identity(factor: Any) -> Any:
    return factor[:, None, None] * np.eye(3, dtype=np.float32)[None]


def zeros_of(factor: Any) -> Any:
    """No offset: [B, 3]."""
    return ops.zeros_like(factor)[:, None] * np.zeros((1, 3), np.float32)
