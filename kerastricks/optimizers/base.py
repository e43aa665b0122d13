"""What all optimizers of this folder share.

A subclass says by what a weight moves, as a pure function (`move`); the rest is
done here: which variables decay and how, the learning rate of each variable,
momentum on a schedule, dtypes, state, configuration.

    coupled:    g += decay * w            before the law sees g (L2; torch.SGD)
    decoupled:  w -= lr * decay * w       beside the law's step (torch.AdamW)
    inside:     the law itself decays     (LARS, LAMB: within the trust ratio)

Keras's own `weight_decay` is always decoupled and its exclusions go by name,
which is another on each backend; it stays unused. Everything is looked up by a
variable's place in the list that `build` is given: on TensorFlow a step sees
tf.Variables, which have no Keras path.

A variable whose layer is frozen stands still, state and decay and all. One that
begins to learn later (gradual unfreezing) is as old as its own steps, as in
torch: Adam's corrections count from there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerastricks.checks import check_least, check_share
from kerastricks.optimizers.decay_mask import is_decayed

Slots = dict[str, Any]
Schedule = keras.optimizers.schedules.LearningRateSchedule


class Optimizer(keras.optimizers.Optimizer):
    """Base of the optimizers; `move` is what a subclass must define.

    Args:
        learning_rate: a float or a LearningRateSchedule.
        momentum: a float or a LearningRateSchedule, which then gives it at
            every step; of Adam's kin the first beta.
        weight_decay: what it means is the optimizer's `decay_law`.
        no_bias_decay: leave variables of at most one dimension undecayed.
        rate_factors: of each variable's path what its learning rate is
            multiplied by; 1 where nothing is said. See `rate_factors`.
    """

    decay_law = "coupled"

    def __init__(
        self,
        learning_rate: Any,
        *,
        momentum: Any = 0.0,
        weight_decay: float = 0.0,
        no_bias_decay: bool = False,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        check_share(momentum=momentum)
        check_least(0, weight_decay=weight_decay)
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.decay = weight_decay
        self.no_bias_decay = no_bias_decay
        self.rate_factors = dict(rate_factors or {})
        check_least(0, **self.rate_factors)
        self.slots: list[Slots] = []
        self.decays: list[float | None] = []
        self.factors: list[float] = []
        self.some_wait = False  # until somebody freezes layers

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        check_paths(variables, rate_factors=self.rate_factors)
        self.factors = [
            self.rate_factors.get(variable.path, 1.0) for variable in variables
        ]
        self.decays = [
            self.decay if is_decayed(variable, self.no_bias_decay) else None
            for variable in variables
        ]
        self.slots = [
            {
                name: self.add_variable_from_reference(variable, name)
                for name in self.slot_names(variable)
            }
            for variable in variables
        ]
        # Of each variable, how many steps it has stood still.
        self.waited = self.add_variable(
            (len(variables),),
            dtype="int",
            aggregation="only_first_replica",
            name="waited",
        )

    def slot_names(self, variable: Any) -> Sequence[str]:
        """Of what is kept for a variable from step to step."""
        return ()

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        place = self._get_variable_index(variable)
        if not self._trainable_variables[place].trainable:
            return
        dtype = compute_dtype(variable)
        self.advance(
            variable,
            ops.cast(gradient, dtype),
            self.slots[place],
            ops.cast(learning_rate, dtype) * self.factors[place],
            self.decays[place],
            self.age(place),
        )

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        before = self.iterations + 0  # the number, not the variable
        super().apply(grads, trainable_variables)
        if self.some_wait:
            steps = self.iterations - before  # Keras may only gather gradients
            waits = [not each.trainable for each in self._trainable_variables]
            waited = steps * ops.cast(np.array(waits), steps.dtype)
            self.waited.assign(self.waited + waited)

    def age(self, place: int) -> Any:
        """How many steps a variable has done."""
        if not self.some_wait:
            return self.iterations
        return self.iterations - self.waited[place]

    def advance(
        self,
        variable: Any,
        gradient: Any,
        slots: Slots,
        rate: Any,
        decay: float | None,
        age: Any,
    ) -> None:
        """One step of one variable; `decay` is None where it is spared."""
        weight = ops.cast(variable, gradient.dtype)
        gradient = self.prepared(gradient, weight, decay)
        values = {
            name: ops.cast(slot, gradient.dtype) for name, slot in slots.items()
        }
        step, moved = self.move(gradient, weight, values, rate, age, decay)
        if decay and self.decay_law == "decoupled":
            # Not (1 - rate * decay) * w, which float32 rounds at every step.
            step = step + rate * decay * weight
        for name, value in moved.items():
            self.assign(slots[name], value)
        self.assign(variable, weight - step)

    def prepared(self, gradient: Any, weight: Any, decay: float | None) -> Any:
        """The gradient that the law sees."""
        if decay and self.decay_law == "coupled":
            return gradient + decay * weight
        return gradient

    def move(
        self,
        gradient: Any,
        weight: Any,
        slots: Slots,
        rate: Any,
        age: Any,
        decay: float | None,
    ) -> tuple[Any, Slots]:
        """(what is subtracted from the weight, new slots).

        Args:
            gradient, weight, slots: of one variable.
            rate: its learning rate.
            age: how many steps it has done before.
            decay: for the laws that decay themselves; None for a variable that
                is spared.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "momentum": as_config(self.momentum),
            "weight_decay": self.decay,
            "no_bias_decay": self.no_bias_decay,
            "rate_factors": dict(self.rate_factors) or None,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> "Optimizer":
        return cls(
            **{
                name: from_config(value, custom_objects)
                for name, value in config.items()
            }
        )


def compute_dtype(variable: Any) -> str:
    """float32, or more if the variable has more."""
    dtype = keras.backend.standardize_dtype(variable.dtype)
    return keras.backend.result_type(dtype, "float32")


def alike(one: Any, other: Any) -> bool:
    """Whether two have the same dtype, as an op of all of them needs."""
    of = keras.backend.standardize_dtype
    return of(one.dtype) == of(other.dtype)


def at_step(value: Any, step: Any, like: Any) -> Any:
    """A number, or what a schedule gives, to be multiplied with `like`."""
    if isinstance(value, Schedule):
        return ops.cast(value(step), like.dtype)
    return value


def as_config(value: Any) -> Any:
    """A number, or a schedule in words."""
    if isinstance(value, Schedule):
        return keras.saving.serialize_keras_object(value)
    return value


def from_config(value: Any, custom_objects: Any = None) -> Any:
    """The reverse, also of what is in lists."""
    if isinstance(value, list | tuple):
        return [from_config(item, custom_objects) for item in value]
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value, custom_objects)
    return value


def check_paths(variables: list[Any], **named: Any) -> None:
    """Refuses paths that no variable has."""
    known = {variable.path for variable in variables}
    for name, paths in named.items():
        strange = [path for path in paths if path not in known]
        if strange:
            raise ValueError(
                f"{name} must be of the paths of trainable variables, as "
                f"{min(known)}. Received: {name} of {strange[0]}"
                + (f" and {len(strange) - 1} more" if strange[1:] else "")
            )
