"""No decay on biases and batch norm.

Paper: Jia et al., arXiv 1807.11205; arXiv 1812.01187, section 3.1. Acts on:
which weights decay. Cost: none. A variable is left alone if it has at most one
dimension: biases, and the gammas and betas of batch norm, whatever their names
are. Hurts: not known to. Keras's `exclude_from_weight_decay` goes by name, and
names mean different things on its backends.
"""

from typing import Any

import keras


def is_decayed(variable: Any, no_bias_decay: bool = True) -> bool:
    """Whether weight decay acts on a variable."""
    return not no_bias_decay or len(variable.shape) > 1


def decay_mask(
    model: keras.Model, no_bias_decay: bool = True
) -> dict[str, bool]:
    """Of each trainable variable, by path: whether it is decayed."""
    return {
        variable.path: is_decayed(variable, no_bias_decay)
        for variable in model.trainable_variables
    }
