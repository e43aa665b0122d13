"""Muon: every direction of a kernel's step has the same length.

    m = b m + (1 - b) g;  u = (1 - b) g + b m   (Nesterov)   or   u = m
    u = u / |u|;  5 times:  A = u u^T, u = 3.4445 u + (2.0315 A A - 4.775 A) u
    w -= lr * decay * w;  w -= lr * sqrt(max(1, outputs / inputs)) * u

for kernels as matrices [inputs, outputs]; those of convolutions are flattened
to them, as airbench does. Biases, batch norm, the last kernel (the classifier)
and kernels with one input or output move by AdamW at `adam_ratio` times the
learning rate. Source: Jordan et al., kellerjordan.github.io/posts/muon; law and
numbers are torch.optim.Muon's (2-D only), which iterates in bfloat16; here it
is float32. Acts on: the update. Cost: one number for each weight, and 15 small
matrix products for each kernel. Hurts: nothing known; rates and decays found
for SGD or Adam mean nothing here. Keras's Muon leaves convolutions to Adam, has
other momentum and scales as Moonlight does (here scale="rms").
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from kerastricks.checks import check_least, check_share
from kerastricks.optimizers.adam import Adam
from kerastricks.optimizers.base import Slots, as_config, at_step, check_paths
from kerastricks.optimizers.moments import moving

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SMALLEST_NORM = 1e-7
SCALES = ("shape", "rms")


@keras.saving.register_keras_serializable("kerastricks")
class Muon(Adam):
    """torch.optim.Muon, beside torch.optim.AdamW.

    Args:
        learning_rate: of the kernels.
        momentum: a number, or a LearningRateSchedule that gives it.
        scale: `shape`, the square root of outputs over inputs if above 1, or
            `rms`, .2 sqrt(max(inputs, outputs)): steps of AdamW's size.
        adam_ratio: AdamW's learning rate over the kernels'. By default 3e-4
            over .02, as in the source; with `rms`, 1 is meant.
        adam_betas, epsilon: AdamW's.
        adam_paths: the kernels for AdamW; None: the last of those with two
            dimensions, which is the classifier's.

    Example:
        Muon(0.02, weight_decay=0.01)
    """

    decay_law = "decoupled"

    def __init__(
        self,
        learning_rate: Any = 0.02,
        momentum: Any = 0.95,
        nesterov: bool = True,
        weight_decay: float = 0.1,
        scale: str = "shape",
        newton_steps: int = 5,
        adam_ratio: float = 0.015,
        adam_betas: Sequence[float] = (0.9, 0.999),
        adam_paths: Sequence[str] | None = None,
        epsilon: float = 1e-8,
        no_bias_decay: bool = False,
        rate_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if scale not in SCALES:
            raise ValueError(
                f"scale must be one of {', '.join(SCALES)}. "
                f"Received: scale={scale}"
            )
        check_share(momentum=momentum)
        check_least(0, adam_ratio=adam_ratio, newton_steps=newton_steps)
        super().__init__(
            learning_rate,
            adam_betas,
            epsilon,
            weight_decay,
            no_bias_decay,
            rate_factors,
            **kwargs,
        )
        self.muon_momentum = momentum
        self.nesterov = nesterov
        self.scale = scale
        self.newton_steps = newton_steps
        self.adam_ratio = adam_ratio
        self.adam_paths = as_list(adam_paths)
        self.by_adam: set[str] = set()

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        check_paths(variables, adam_paths=self.adam_paths or ())
        heads = self.adam_paths
        if heads is None:
            heads = [v.path for v in variables if len(v.shape) == 2][-1:]
        self.by_adam = set(heads) | {
            v.path for v in variables if min(matrix_shape(v.shape)) < 2
        }
        super().build(variables)
        self.factors = [
            factor * (self.adam_ratio if v.path in self.by_adam else 1.0)
            for factor, v in zip(self.factors, variables, strict=True)
        ]

    def slot_names(self, variable: Any) -> Sequence[str]:
        if variable.path in self.by_adam:
            return super().slot_names(variable)
        return ("momentum",)

    def move(
        self,
        gradient: Any,
        weight: Any,
        slots: Slots,
        rate: Any,
        age: Any,
        decay: float | None,
    ) -> tuple[Any, Slots]:
        if "momentum" not in slots:
            return super().move(gradient, weight, slots, rate, age, decay)
        momentum = at_step(self.muon_momentum, self.iterations, gradient)
        average = moving(slots["momentum"], gradient, momentum)
        ahead = moving(average, gradient, momentum)
        update = ahead if self.nesterov else average
        shape = matrix_shape(weight.shape)
        update = newton_schulz(ops.reshape(update, shape), self.newton_steps)
        taken = rate * self.size(*shape) * ops.reshape(update, weight.shape)
        return taken, {"momentum": average}

    def size(self, inputs: int, outputs: int) -> float:
        """Of the step of such a matrix."""
        if self.scale == "rms":
            return 0.2 * math.sqrt(max(inputs, outputs))
        return math.sqrt(max(1.0, outputs / inputs))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return config | {
            "adam_betas": config.pop("betas"),
            "momentum": as_config(self.muon_momentum),
            "nesterov": self.nesterov,
            "scale": self.scale,
            "newton_steps": self.newton_steps,
            "adam_ratio": self.adam_ratio,
            "adam_paths": as_list(self.adam_paths),
        }


def as_list(paths: Sequence[str] | None) -> list[str] | None:
    return None if paths is None else list(paths)


def matrix_shape(shape: Sequence[int]) -> tuple[int, int]:
    """(inputs, outputs) of a kernel; of less than a matrix, (1, size)."""
    if len(shape) < 2:
        return 1, math.prod(shape)
    return math.prod(shape[:-1]), shape[-1]


def newton_schulz(matrix: Any, steps: int) -> Any:
    """The matrix with all singular values brought to about 1 (.7 to 1.2)."""
    a, b, c = COEFFICIENTS
    flat = matrix.shape[0] > matrix.shape[1]
    u = ops.transpose(matrix) if flat else matrix
    length = ops.sqrt(ops.sum(ops.square(u)))
    u = u / ops.maximum(length, SMALLEST_NORM)
    for _ in range(steps):
        gram = ops.matmul(u, ops.transpose(u))
        u = a * u + ops.matmul(b * gram + c * ops.matmul(gram, gram), u)
    return ops.transpose(u) if flat else u
