"""Losses that Keras lacks or has otherwise."""

from kerastricks.losses.soft_cross_entropy import (
    SoftCrossEntropy,
    smooth_labels,
)

__all__ = ["SoftCrossEntropy", "smooth_labels"]
