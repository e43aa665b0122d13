"""Lookahead: slow weights follow the fast ones of another optimizer.

    every `steps` steps:  slow += alpha (fast - slow);  fast = slow

Paper: Zhang et al., arXiv 1907.08610; slow starts as the weights before the
first step (timm's, as it is called there, starts at the first synchronisation,
which so does nothing). Acts on: the weights, after the update; the inner
optimizer's state goes on. Cost: one number for each weight and one pass over
the weights where XLA compiles the step, eight on a plain CPU graph. Hurts: an
evaluation between synchronisations, when the model has the fast weights:
evaluate after a multiple of `steps`.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerastricks")
class Lookahead(keras.optimizers.Optimizer):
    """Around any Keras optimizer; loss scaling goes around this one.

    Args:
        optimizer: the inner one, whose learning rate, clipping, ... hold.
        steps: how often the slow weights follow.
        alpha: how far they go.

    Example:
        Lookahead(AdamW(1e-3), steps=5, alpha=0.5)
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        steps: int = 5,
        alpha: float = 0.5,
        name: str | None = None,
    ) -> None:
        if steps < 1:
            raise ValueError(
                f"steps must be at least 1. Received: steps={steps}"
            )
        if not 0 < alpha <= 1:
            raise ValueError(
                f"alpha must be in (0, 1]. Received: alpha={alpha}"
            )
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = optimizer
        self.steps = steps
        self.alpha = alpha
        self.slow: list[Any] = []

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        self.inner_optimizer.build(variables)
        super().build(variables)
        self.slow = self.add_optimizer_variables(variables, "slow")

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        if not self.built:
            self.build(list(trainable_variables))
        variables = trainable_variables or self._trainable_variables
        # Not in `build`: weights may be loaded between it and the first step.
        self.follow(variables, ops.equal(self.iterations, 0), 1.0)
        self.inner_optimizer.apply(grads, trainable_variables)
        due = ops.equal(ops.mod(self.iterations, self.steps), 0)
        self.follow(variables, due, self.alpha)

    def follow(self, variables: Any, when: Any, share: float) -> None:
        """Synchronises if it is time to."""
        share = ops.where(when, share, 0.0)
        variables = list(variables)
        # By Keras's loop over the variables of all replicas.
        self._backend_update_step([None] * len(variables), variables, share)

    def _all_reduce_sum_gradients(self, pairs: Any) -> Any:
        """There are none."""
        return pairs

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Slow goes this share of the way to fast; then they are the same."""
        place = self._get_variable_index(variable)
        slow = self.slow[place]
        fast, old = ops.convert_to_tensor(variable), ops.convert_to_tensor(slow)
        if not self._trainable_variables[place].trainable:
            # It stands still, but when it moves slow must have begun with it.
            begins = ops.equal(self.iterations, 0)
            self.assign(slow, ops.where(begins, fast, old))
            return
        share = ops.cast(learning_rate, fast.dtype)
        new = old + share * (fast - old)
        self.assign(slow, new)
        self.assign(variable, ops.where(share > 0, new, fast))

    # As if it were the inner one

    @property
    def variables(self) -> list[Any]:
        return self._variables + self.inner_optimizer.variables

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    def scale_loss(self, loss: Any) -> Any:
        return self.inner_optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: Any) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        inner = keras.saving.serialize_keras_object(self.inner_optimizer)
        return {
            "name": self.name,
            "optimizer": inner,
            "steps": self.steps,
            "alpha": self.alpha,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> "Lookahead":
        inner = keras.saving.deserialize_keras_object(
            config["optimizer"], custom_objects
        )
        return cls(**(config | {"optimizer": inner}))
