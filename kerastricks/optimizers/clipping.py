"""Gradients that are too large, made smaller.

    value          g' = min(max(g, -c), c)
    variable_norm  g' = g min(1, c / |g|)                   of each variable
    global_norm    g' = g min(1, c / (|all g| + 1e-6))
    agc            g' = g min(1, c max(|w|, 1e-3) / |g|)    of each output unit

Papers: Pascanu et al., arXiv 1211.5063; agc: Brock et al., arXiv 2102.06171,
which leaves the last layer out. Acts on: the gradients, after those of all
replicas are one and loss scaling is undone. Cost: one pass over the gradients,
for agc one over the weights too. Hurts: clipped in most steps, SGD is another
optimizer, with a learning rate that nobody chose.
`variable_norm` is Keras's clipnorm, `global_norm` torch's clip_grad_norm_,
`agc` timm's adaptive_clip_grad. Keras's global_clipnorm clips what each replica
found before it is added up; agc it has not.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

MODES = ("global_norm", "variable_norm", "value", "agc")
NORM_EPSILON = 1e-6  # torch's, and timm's for agc's gradients
WEIGHT_EPSILON = 1e-3  # agc's, so that weights of 0 can move


def clip_by_value(gradients: Sequence[Any], limit: float) -> list[Any]:
    """Every number within +-limit; what is none stays none, to be noticed."""

    def clip(gradient: Any) -> Any:
        cut = ops.clip(gradient, -limit, limit)
        return ops.where(ops.isfinite(gradient), cut, gradient)

    return each(clip, gradients)


def clip_by_variable_norm(gradients: Sequence[Any], limit: float) -> list[Any]:
    """Every gradient of at most this norm."""

    def clip(gradient: Any) -> Any:
        norm = global_norm([gradient])
        return scaled(gradient, limit / ops.maximum(norm, limit))

    return each(clip, gradients)


def clip_by_global_norm(gradients: Sequence[Any], limit: float) -> list[Any]:
    """All gradients by one factor, so that their norm is at most the limit."""
    norm = global_norm(gradients)
    factor = ops.minimum(limit / (norm + NORM_EPSILON), 1.0)
    return each(lambda gradient: scaled(gradient, factor), gradients)


def clip_adaptively(
    gradients: Sequence[Any],
    variables: Sequence[Any],
    limit: float,
    skip: Sequence[bool] | None = None,
) -> list[Any]:
    """Each output unit's gradient relative to the unit's weights.

    Args:
        limit: largest ratio of the two norms.
        skip: whether to leave a variable alone, of each; None: none.
    """

    def clip(gradient: Any, variable: Any) -> Any:
        axes = unit_axes(variable)
        weight_norm = unit_norm(ops.convert_to_tensor(variable), axes)
        most = limit * ops.maximum(weight_norm, WEIGHT_EPSILON)
        norm = unit_norm(gradient, axes)
        factor = most / ops.maximum(norm, NORM_EPSILON)
        return scaled(gradient, ops.where(norm < most, 1.0, factor))

    left = [False] * len(variables) if skip is None else skip
    return [
        gradient if alone or gradient is None else clip(gradient, variable)
        for gradient, variable, alone in zip(
            gradients, variables, left, strict=True
        )
    ]


def unit_axes(variable: Any) -> tuple[int, ...]:
    """The axes over which one output unit's weights lie.

    Keras's kernels have the outputs last: Dense [in, out], Conv2D [h, w, in,
    out]; but of depthwise kernels [h, w, in, multiplier] each channel is a unit
    by itself. Of those a multiplier of 1 or the name tells. Biases and the
    weights of norms are one unit.
    """
    rank, name = len(variable.shape), getattr(variable, "path", variable.name)
    depthwise = rank > 2 and (
        "depthwise" in name or (variable.shape[-1] == 1 < variable.shape[-2])
    )
    return tuple(range(rank if rank < 2 else rank - 1 - depthwise))


def unit_norm(values: Any, axes: tuple[int, ...]) -> Any:
    squares = ops.square(ops.cast(values, "float32"))
    return ops.sqrt(ops.sum(squares, axis=axes, keepdims=True))


def global_norm(gradients: Sequence[Any]) -> Any:
    """float32 [], of all gradients as one vector; None is left out."""
    sums = [
        ops.sum(ops.square(ops.cast(gradient, "float32")))
        for gradient in gradients
        if gradient is not None
    ]
    return ops.sqrt(sum(sums))


def scaled(gradient: Any, factor: Any) -> Any:
    return gradient * ops.cast(factor, gradient.dtype)


def each(change: Any, gradients: Sequence[Any]) -> list[Any]:
    """What a change makes of all gradients; None stays None."""
    return [
        None if gradient is None else change(gradient) for gradient in gradients
    ]


def head_variables(model: keras.Model) -> tuple[str, ...]:
    """Paths of the last layer's variables, which agc leaves alone."""
    last = [layer for layer in model.layers if layer.weights][-1]
    return tuple(variable.path for variable in last.trainable_variables)


@keras.saving.register_keras_serializable("kerastricks")
@dataclasses.dataclass(frozen=True)
class Clip:
    """Clips a step's gradients.

    Args:
        amount: c above: 1.0 is usual for norms, .01 for agc.
        mode: `global_norm`, `variable_norm`, `value` or `agc`.
        skip: paths of variables that agc leaves alone.

    Example:
        clip = Clip(0.01, "agc", skip=head_variables(model))
        gradients = clip(gradients, model.trainable_variables)
    """

    amount: float
    mode: str = "global_norm"
    skip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.amount < float("inf"):
            raise ValueError(
                f"amount must be above 0. Received: amount={self.amount}"
            )
        if self.mode not in MODES:
            raise ValueError(
                f"mode must be one of {', '.join(MODES)}. "
                f"Received: mode={self.mode}"
            )
        if self.skip and self.mode != "agc":
            raise ValueError(
                "only mode agc can skip variables. Received: "
                f"mode={self.mode}, skip={self.skip}"
            )
        object.__setattr__(self, "skip", tuple(self.skip))

    def __call__(
        self, gradients: Sequence[Any], variables: Sequence[Any]
    ) -> list[Any]:
        """The clipped gradients; None stays None."""
        if self.mode == "value":
            return clip_by_value(gradients, self.amount)
        if self.mode == "variable_norm":
            return clip_by_variable_norm(gradients, self.amount)
        if self.mode == "global_norm":
            return clip_by_global_norm(gradients, self.amount)
        alone = [variable.path in self.skip for variable in variables]
        return clip_adaptively(gradients, variables, self.amount, alone)

    def get_config(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Clip":
        return cls(**config)
