"""Layers that Keras lacks or that are faster here."""

from kerastricks.layers.batch_norm import FusedBatchNorm

__all__ = ["FusedBatchNorm"]
