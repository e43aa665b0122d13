"""CutMix: a box of each image comes from another one.

    w ~ Beta(alpha, alpha); a box of int(H sqrt(1 - w)) by int(W sqrt(1 - w)),
    its centre uniform on the image, cut off at the borders
    x' = x[order] inside the box, x outside
    y' = s y + (1 - s) y[order],   s = share of the pixels outside

Paper: Yun et al., arXiv 1905.04899 (alpha 1; on every batch of ImageNet, on
half of CIFAR's), with the law of its code: half the side on either side of the
centre, by whole division. Acts on: the normalised batch, last. Cost: one pass.
Hurts: short trainings. Keras's CutMix draws alpha itself, keeps the box inside
and takes the label from the box before rounding; in float16 its labels are NaN
from 256 pixels on.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerastricks.augment import draws
from kerastricks.augment.beta import beta_from_uniform
from kerastricks.augment.partner import check_mixing, drawn_per, partners
from kerastricks.augment.paste import paste_boxes
from kerastricks.augment.trick import BatchTrick, check_labels


def cutmix_batch(
    images: Any, labels: Any, boxes: Any, order: Any
) -> tuple[Any, Any]:
    """Pastes boxes of the samples that `order` (int [B]) names.

    Args:
        boxes: int [B or 1, 4] of (top, bottom, left, right), inside the image.
    """
    check_labels(labels)
    height, width = images.shape[1:3]
    images = ops.cast(images, "float32")
    labels = ops.cast(labels, "float32")
    mixed = paste_boxes(images, ops.take(images, order, axis=0), boxes)
    sides = ops.cast(boxes[:, 1::2] - boxes[:, ::2], "float32")
    share = 1 - sides[:, :1] * sides[:, 1:] / (height * width)
    others = ops.take(labels, order, axis=0)
    return mixed, share * labels + (1 - share) * others


def cutmix_boxes(weight: Any, centres: Any, height: int, width: int) -> Any:
    """int32 [B, 4] for weights [B] and centres int [B, 2] of (y, x)."""
    ratio = ops.sqrt(1 - weight)
    edges = []
    for place, side in enumerate((height, width)):
        half = ops.cast(ops.floor(side * ratio), "int32") // 2
        centre = centres[:, place]
        edges += [
            ops.clip(centre - half, 0, side),
            ops.clip(centre + half, 0, side),
        ]
    return ops.stack(edges, axis=1)


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class CutMix(BatchTrick):
    """Pastes a box of another sample of the batch.

    Args:
        alpha: of Beta(alpha, alpha), above 0.
        per: one box for the `batch`, or one for each `sample`.
        partner: by `permutation`, `roll` or `reverse`.

    Example:
        images, labels = CutMix(1.0)(images, labels, keys)
    """

    alpha: float = 1.0
    per: str = "batch"
    partner: str = "permutation"
    mixes = True

    def __post_init__(self) -> None:
        check_mixing(self.alpha, self.per, self.partner)

    def __call__(self, images: Any, labels: Any, keys: Any) -> tuple[Any, Any]:
        height, width = images.shape[1:3]
        drawn = drawn_per(keys, "cutmix box", self.per, 3)
        boxes = cutmix_boxes(
            beta_from_uniform(drawn[:, 0], self.alpha),
            draws.integers(drawn[:, 1:], [height, width]),
            height,
            width,
        )
        order = partners(keys, "cutmix order", self.partner)
        return cutmix_batch(images, labels, boxes, order)
