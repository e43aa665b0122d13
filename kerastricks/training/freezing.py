"""Layers that stand still for a while.

    train_last(1)    the head alone
    train_last(k)    the last k of the groups stem, stages, head
    train_last(0)    everything

Paper: Howard & Ruder, arXiv 1801.06146 (ULMFiT): gradual unfreezing. Acts on:
which weights a step moves. Gradients end at the first layer that learns, so a
head alone costs about a forward pass. What stands still keeps its optimizer's
state, is not decayed, and normalises by its moving statistics, as frozen layers
do in Keras; fast.ai by default lets frozen groups' batch norms learn. What was
frozen before the learner was made (`freeze_batch_norms`) stays so. Hurts:
pictures unlike the source's, whose first layers have to change as well.
"""

from typing import Any

import keras
from keras import ops

from kerastricks.optimizers.base import Optimizer
from kerastricks.optimizers.groups import grouped_layers


class Frozen:
    """What stands still for now; Keras shall not find and track it."""

    def __init__(self) -> None:
        self.variables: set[int] = set()  # ids
        # Whether a layer learnt when the learner first froze something.
        self.learnt: dict[Any, bool] = {}


class FreezesGroups:
    """A learner's side of it.

    The lists of variables stay what they are, whatever is frozen: optimizers'
    state and checkpoints go by them.
    """

    model: keras.Model
    optimizer: Any
    frozen: Frozen
    variables: list[Any]  # Keras's
    train_function: Any

    @property
    def trainable_variables(self) -> list[Any]:
        """What the run trains, now or in another phase."""
        return [v for v in self.variables if self.learns(v)]

    @property
    def own_state(self) -> list[Any]:
        """What changes without being trained, and what is fixed in training."""
        return [v for v in self.variables if not self.learns(v)]

    @property
    def non_trainable_variables(self) -> list[Any]:
        return self.own_state

    @property
    def learning_variables(self) -> list[Any]:
        """What the next step trains."""
        return [v for v in self.trainable_variables if v.trainable]

    def learns(self, variable: Any) -> bool:
        return variable.trainable or id(variable) in self.frozen.variables

    def with_zeros(self, gradients: list[Any]) -> list[Any]:
        """One for each trainable variable; of what stands still zeros."""
        given = iter(gradients)
        return [
            next(given) if v.trainable else ops.zeros(v.shape, "float32")
            for v in self.trainable_variables
        ]

    def train_last(self, groups: int = 0) -> None:
        """Trains the last so many layer groups only; the step is traced anew.

        Compile the learner before, with an optimizer of this package: it
        passes over what stands still.

        Args:
            groups: counted from the head; 0: all. See `layer_groups`.
        """
        if groups < 0:
            raise ValueError(
                f"groups must be at least 0. Received: groups={groups}"
            )
        everything = self.trainable_variables
        own_optimizer(self.optimizer).some_wait = True
        self.optimizer.build(everything)
        parts = grouped_layers(self.model)
        first = len(parts) - groups if groups else 0
        for number, layers in enumerate(parts):
            for layer in layers:
                self.set_learning(layer, number >= first)
        grouped = {
            id(w) for part in parts for layer in part for w in layer.weights
        }
        for variable in everything:
            # Of no layer, as a class token: goes with the stem.
            if id(variable) not in grouped and self.of_model(variable):
                variable.trainable = first <= 0
        self.frozen.variables = {id(v) for v in everything if not v.trainable}
        self.train_function = None

    def set_learning(self, layer: Any, on: bool) -> None:
        """Freezes or frees a layer and what is in it."""
        parts = list(layer._flatten_layers())  # parents come first
        for part in parts:
            self.frozen.learnt.setdefault(part, part.trainable)
        for part in parts:
            part.trainable = on and self.frozen.learnt[part]

    def of_model(self, variable: Any) -> bool:
        """Whether it is the classifier's, and no helper's of the training."""
        return any(variable is other for other in self.model.variables)


def own_optimizer(optimizer: Any) -> Optimizer:
    """The one of this package, within loss scaling and lookahead."""
    inner = optimizer
    while inner is not None and not isinstance(inner, Optimizer):
        inner = getattr(inner, "inner_optimizer", None)
    if inner is None:
        raise ValueError(
            "layers can be frozen for a while with the optimizers of "
            "kerastricks.optimizers, which leave them alone. Received: "
            f"optimizer={optimizer}"
        )
    return inner
