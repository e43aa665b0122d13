"""From the recipe to datasets, augmentation, model, loss and optimizer.

The only place that knows both the recipe and the tricks: everything below takes
plain arguments. A trick of strength 0 is not built at all.
"""

from kerastricks.assembly.augmentation import augment, normalizer, refuse_large
from kerastricks.assembly.inputs import (
    Splits,
    clean_slice,
    data,
    eval_batches,
    evaluation_data,
    learnt_from,
    settle,
    squares,
    train_batches,
)
from kerastricks.assembly.network import begun as network
from kerastricks.assembly.network import classifier, published_weights
from kerastricks.assembly.plan import doubtful, pace, phases, views
from kerastricks.assembly.step import learner, loss
from kerastricks.assembly.updates import (
    factors,
    momentum,
    optimizer,
    schedule,
)
from kerastricks.data.pipeline import steps_per_epoch

__all__ = [
    "Splits",
    "augment",
    "classifier",
    "clean_slice",
    "data",
    "doubtful",
    "eval_batches",
    "evaluation_data",
    "factors",
    "learner",
    "learnt_from",
    "loss",
    "momentum",
    "network",
    "normalizer",
    "optimizer",
    "pace",
    "phases",
    "published_weights",
    "refuse_large",
    "schedule",
    "settle",
    "squares",
    "steps_per_epoch",
    "train_batches",
    "views",
]
