"""Mixup: train on blends of two images, with labels blended alike.

    x' = w x + (1 - w) x[order],   y' = w y + (1 - w) y[order]
    w ~ Beta(alpha, alpha), one for the batch; order: a uniform permutation

Paper: Zhang et al., arXiv 1710.09412; in the bag of tricks: arXiv 1812.01187,
section 5.4 (alpha .2; CIFAR: 1). Per sample w becomes max(w, 1 - w), as in
fast.ai, so that no pair is seen twice. Acts on: the normalised batch, last.
Cost: one pass. Hurts: short trainings; it needs more epochs (the paper gives it
200 instead of 120). Keras's MixUp draws a weight for each sample instead.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment.beta import beta_from_uniform
from kerastricks.augment.partner import check_mixing, drawn_per, partners
from kerastricks.augment.trick import BatchTrick, check_labels


def mixup_batch(
    images: Any, labels: Any, weight: Any, order: Any
) -> tuple[Any, Any]:
    """Blends each sample with the one that `order` (int [B]) names.

    Args:
        weight: of the sample itself, a scalar or [B].
    """
    check_labels(labels)
    weight = ops.reshape(ops.convert_to_tensor(weight, "float32"), (-1,))
    return (
        blend(ops.cast(images, "float32"), weight[:, None, None, None], order),
        blend(ops.cast(labels, "float32"), weight[:, None], order),
    )


def blend(values: Any, weight: Any, order: Any) -> Any:
    """w v + (1 - w) v[order]."""
    return weight * values + (1 - weight) * ops.take(values, order, axis=0)


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class MixUp(BatchTrick):
    """Blends samples with others of their batch.

    Args:
        alpha: of Beta(alpha, alpha), above 0; larger blends more.
        per: one weight for the `batch`, or one for each `sample`.
        partner: by `permutation`, `roll` or `reverse`.

    Example:
        images, labels = MixUp(0.2)(images, labels, keys)
    """

    alpha: float = 0.2
    per: str = "batch"
    partner: str = "permutation"
    mixes = True

    def __post_init__(self) -> None:
        check_mixing(self.alpha, self.per, self.partner)

    def __call__(self, images: Any, labels: Any, keys: Any) -> tuple[Any, Any]:
        drawn = drawn_per(keys, "mixup weight", self.per)[:, 0]
        weight = beta_from_uniform(drawn, self.alpha)
        if self.per == "sample":
            weight = ops.maximum(weight, 1 - weight)
        order = partners(keys, "mixup order", self.partner)
        return mixup_batch(images, labels, weight, order)
