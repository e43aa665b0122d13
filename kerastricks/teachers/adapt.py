"""The student's images as a teacher's network wants them."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.augment import Normalize


def adapt(
    images: Any, ours: Normalize, theirs: Normalize, shape: Sequence[Any]
) -> Any:
    """Images [B, H, W, 3], normalised anew and of the sides of the shape.

    Args:
        ours, theirs: what has normalised them, and what should have.
        shape: [N, H, W, 3] with None for any side.
    """
    if ours != theirs:
        images = renormalize(ours, theirs)(images)
    if len(shape) == 4 and None not in shape[1:3]:
        images = ResizeTo(shape[1:3], dtype="float32", name="resize")(images)
    return images


def renormalize(ours: Normalize, theirs: Normalize) -> keras.layers.Layer:
    """(x std + mean - their mean) / their std."""
    mean, std = np.array(theirs.mean), np.array(theirs.std)
    return keras.layers.Rescaling(
        (np.array(ours.std) / std).tolist(),
        ((np.array(ours.mean) - mean) / std).tolist(),
        dtype="float32",
        name="renormalize",
    )


@keras.saving.register_keras_serializable("kerastricks")
class ResizeTo(keras.layers.Layer):
    """Images [B, H, W, C] to these sides: bilinear, antialiased.

    By a product with a matrix for each side, which XLA compiles everywhere;
    TensorFlow's own op that antialiases it does not.

    Example:
        small = ResizeTo((224, 224))(images)
    """

    def __init__(self, sides: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sides = tuple(sides)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], *self.sides, input_shape[3])

    def call(self, images: Any) -> Any:
        given = tuple(images.shape[1:3])
        if given == self.sides:
            return images
        down, across = map(resize_matrix, given, self.sides)
        return ops.einsum("ph,bhwc,qw->bpqc", down, images, across)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"sides": self.sides}


def resize_matrix(old: int, new: int) -> np.ndarray:
    """float32 [new, old]: the shares of the old pixels in each new one."""
    step = old / new
    centres = (np.arange(new) + 0.5) * step
    away = np.abs(np.arange(old) + 0.5 - centres[:, None])
    weights = np.maximum(0, 1 - away / max(step, 1))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32)
