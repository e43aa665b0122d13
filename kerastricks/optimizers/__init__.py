"""Optimizers whose published settings transfer."""

from kerastricks.optimizers.decay_mask import decay_mask, is_decayed
from kerastricks.optimizers.sgd import SGD

__all__ = ["SGD", "decay_mask", "is_decayed"]
