"""Losses that Keras lacks or has otherwise."""

from kerastricks.losses.binary_cross_entropy import BinaryCrossentropy
from kerastricks.losses.distillation import (
    DistillationLoss,
    FeatureLoss,
    distillation_loss,
    feature_loss,
)
from kerastricks.losses.focal import Focal
from kerastricks.losses.jsd import JsdLoss
from kerastricks.losses.labels import smooth_labels
from kerastricks.losses.soft_cross_entropy import SoftCrossEntropy

__all__ = [
    "BinaryCrossentropy",
    "DistillationLoss",
    "FeatureLoss",
    "Focal",
    "JsdLoss",
    "SoftCrossEntropy",
    "distillation_loss",
    "feature_loss",
    "smooth_labels",
]
