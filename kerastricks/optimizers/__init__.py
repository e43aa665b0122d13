"""Optimizers whose published settings transfer."""

from kerastricks.optimizers.adabound import AdaBound
from kerastricks.optimizers.adam import Adam
from kerastricks.optimizers.adamw import AdamW
from kerastricks.optimizers.decay_mask import decay_mask, is_decayed
from kerastricks.optimizers.groups import layer_groups, rate_factors
from kerastricks.optimizers.lamb import Lamb
from kerastricks.optimizers.lars import Lars
from kerastricks.optimizers.lion import Lion
from kerastricks.optimizers.lookahead import Lookahead
from kerastricks.optimizers.muon import Muon
from kerastricks.optimizers.rmsprop import RMSprop
from kerastricks.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "AdaBound",
    "Adam",
    "AdamW",
    "Lamb",
    "Lars",
    "Lion",
    "Lookahead",
    "Muon",
    "RMSprop",
    "decay_mask",
    "is_decayed",
    "layer_groups",
    "rate_factors",
]
