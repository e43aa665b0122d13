"""Classifiers by name; each gives float32 logits."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from kerastricks.errors import InputError
from kerastricks.models.flops import count_flops
from kerastricks.models.resnet import BLOCKS, resnet

__all__ = ["count_flops", "create", "names"]

BUILDERS: dict[str, Callable[..., keras.Model]] = {
    f"resnet{depth}_d": functools.partial(resnet, depth=depth)
    for depth in BLOCKS
}


def names() -> list[str]:
    """Every name that `create` takes."""
    return list(BUILDERS)


def create(
    name: str, *, num_classes: int = 1000, **options: Any
) -> keras.Model:
    """A classifier from normalised images to logits.

    Args:
        options: of the model's builder: image_size, stem, zero_gamma, init,
            seed, dtype (see `kerastricks.models.resnet.resnet`).

    Example:
        model = create("resnet50_d", num_classes=10, image_size=224)
    """
    if name not in BUILDERS:
        raise InputError(
            f"model must be one of {', '.join(BUILDERS)}. "
            f"Received: model={name}"
        )
    return BUILDERS[name](name=name, num_classes=num_classes, **options)
