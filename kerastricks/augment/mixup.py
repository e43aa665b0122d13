"""Mixup: train on blends of two images, with labels blended alike.

    x' = w x + (1 - w) x[order],   y' = w y + (1 - w) y[order]
    w ~ Beta(alpha, alpha), one for the batch; order: a uniform permutation

Paper: Zhang et al., arXiv 1710.09412; in the bag of tricks: arXiv 1812.01187,
section 5.4 (alpha .2; CIFAR: 1). Acts on: the normalised batch, last. Cost: one
pass. Hurts: short trainings; it needs more epochs (the paper gives it 200
instead of 120). Keras's MixUp draws a weight for each sample instead.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.beta import beta_from_uniform
from kerastricks.augment.trick import BatchTrick


def mixup_batch(
    images: Any, labels: Any, weight: Any, order: Any
) -> tuple[Any, Any]:
    """Blends each sample with the one that `order` (int [B]) names.

    Args:
        weight: of the sample itself, a scalar.
    """
    mixed_images = weight * images + (1 - weight) * ops.take(
        images, order, axis=0
    )
    mixed_labels = weight * labels + (1 - weight) * ops.take(
        labels, order, axis=0
    )
    return mixed_images, mixed_labels


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class MixUp(BatchTrick):
    """Mixup with one weight for the batch.

    Args:
        alpha: of Beta(alpha, alpha), above 0; larger blends more.

    Example:
        images, labels = MixUp(0.2)(images, labels, keys)
    """

    alpha: float = 0.2
    mixes = True

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise ValueError(
                f"alpha must be above 0. Received: alpha={self.alpha}"
            )

    def __call__(self, images: Any, labels: Any, keys: Any) -> tuple[Any, Any]:
        weight = beta_from_uniform(
            draws.batch_uniform(keys, "mixup weight"), self.alpha
        )
        order = draws.permutation(keys, "mixup order")
        return mixup_batch(images, labels, weight, order)
