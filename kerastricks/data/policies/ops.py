"""The operations of the policies by torchvision's names.

    op(image, magnitude, fill) -> image     uint8 [H, W, 3], float32 scalar

As in torchvision, the enhancements' magnitude is what is added to a factor of
one, posterisation's the number of bits that stay, solarisation's the threshold.
All give, to the pixel, what torchvision gives on a PIL image with nearest
interpolation. Only `apply`'s drawn operation runs.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerastricks.data.policies import enhance, geometry, tones

Tensor = Any
Op = Callable[[Tensor, Tensor, int], Tensor]

OPS: dict[str, Op] = {
    "Identity": lambda image, m, fill: image,
    "ShearX": geometry.shear_x,
    "ShearY": geometry.shear_y,
    "TranslateX": geometry.translate_x,
    "TranslateY": geometry.translate_y,
    "Rotate": geometry.rotate,
    "Brightness": lambda image, m, fill: enhance.brightness(image, 1 + m),
    "Color": lambda image, m, fill: enhance.color(image, 1 + m),
    "Contrast": lambda image, m, fill: enhance.contrast(image, 1 + m),
    "Sharpness": lambda image, m, fill: enhance.sharpness(image, 1 + m),
    "Posterize": lambda image, m, fill: tones.posterize(image, m),
    "Solarize": lambda image, m, fill: tones.solarize(image, m),
    "AutoContrast": lambda image, m, fill: tones.autocontrast(image),
    "Equalize": lambda image, m, fill: tones.equalize(image),
    "Invert": lambda image, m, fill: tones.invert(image),
}


def apply(
    names: tuple[str, ...],
    index: Tensor,
    image: Tensor,
    magnitude: Tensor,
    fill: int = 0,
) -> Tensor:
    """The index-th of the named operations.

    Args:
        index: int32 scalar, a place among the names.
        image: uint8 [H, W, 3]; its shape must be known when traced.
        magnitude: float32 scalar.
    """
    if not image.shape.is_fully_defined():
        raise ValueError(
            "a policy needs squares of a known size. "
            f"Received: image.shape={image.shape}"
        )

    def branch(name: str) -> Callable[[], Tensor]:
        return lambda: OPS[name](image, magnitude, fill)

    return tf.switch_case(index, [branch(name) for name in names])


def apply_all(
    names: tuple[str, ...],
    indices: Tensor,
    image: Tensor,
    magnitudes: Tensor,
    fill: int = 0,
) -> Tensor:
    """Several operations in turn: indices and magnitudes [n]."""

    def step(done: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        new = apply(names, indices[done], image, magnitudes[done], fill)
        return done + 1, new

    count = tf.shape(indices)[0]
    return tf.while_loop(
        lambda done, image: done < count,
        step,
        (0, image),
        parallel_iterations=1,
    )[1]
