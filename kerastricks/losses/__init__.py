"""Losses that Keras lacks or has otherwise."""

from kerastricks.losses.binary_cross_entropy import BinaryCrossentropy
from kerastricks.losses.soft_cross_entropy import (
    SoftCrossEntropy,
    smooth_labels,
)

__all__ = ["BinaryCrossentropy", "SoftCrossEntropy", "smooth_labels"]
