"""Batch tricks on the device: uint8 in, float32 and soft labels out."""

from kerastricks.augment.augment import Augment
from kerastricks.augment.flip import RandomFlip, flip_batch
from kerastricks.augment.mixup import MixUp, mixup_batch
from kerastricks.augment.normalize import Normalize, normalize_batch
from kerastricks.augment.trick import BatchTrick

__all__ = [
    "Augment",
    "BatchTrick",
    "MixUp",
    "Normalize",
    "RandomFlip",
    "flip_batch",
    "mixup_batch",
    "normalize_batch",
]
