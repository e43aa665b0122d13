"""Sharpness-aware minimisation, plain or adaptive.

    e = rho * s^2 g / |s g|     s = 1 (SAM) or |w| (ASAM), g the gradient at w
    w <- step of the optimizer with the gradient at w + e

Papers: Foret et al., arXiv 2010.01412; adaptive: Kwon et al., arXiv 2102.11600.
Acts on: the gradient; the weights move towards where the loss is low all
around, not only at one point. Cost: a second forward and backward pass in each
step that has it; `every` N steps as Composer does, 1/N of that. Hurts: nothing
known but time; rho is .05 for SAM, about ten times that for ASAM.
The norm is over all weights together. The second pass sees the same images,
dropout masks and blocks; what batch norm keeps is the first pass's alone.
"""

import dataclasses
from typing import Any

from keras import ops

TINY = 1e-12  # of the authors' code, where a gradient of zero would divide


def climb(
    weights: list[Any], gradients: list[Any], rho: float, adaptive: bool = False
) -> list[Any]:
    """The weights `rho` further up the slope."""
    slopes = [
        gradient * ops.abs(weight) if adaptive else gradient
        for weight, gradient in zip(weights, gradients, strict=True)
    ]
    squares = [ops.sum(ops.square(slope)) for slope in slopes]
    length = rho / (ops.sqrt(sum(squares)) + TINY)
    return [
        weight + length * (slope * ops.abs(weight) if adaptive else slope)
        for weight, slope in zip(weights, slopes, strict=True)
    ]


@dataclasses.dataclass(frozen=True)
class Sam:
    """Which steps take their gradient uphill, and how far up.

    Args:
        rho: the distance; paper: 0.05, ASAM 0.5.
        adaptive: measured in units of each weight.
        every: of so many steps one.

    Example:
        Learner(model, augment, sam=Sam(0.05, every=10))
    """

    rho: float = 0.05
    adaptive: bool = False
    every: int = 1

    def __post_init__(self) -> None:
        if self.rho <= 0:
            raise ValueError(f"rho must be above 0. Received: rho={self.rho}")
        if self.every < 1:
            raise ValueError(
                f"every must be at least 1. Received: every={self.every}"
            )

    def gradients(
        self,
        step: Any,
        weights: list[Any],
        gradients: list[Any],
        gradients_at: Any,
        otherwise: list[Any],
    ) -> list[Any]:
        """Those at the higher point, or others in steps that are not due.

        Args:
            gradients: at the weights, of the whole batch, unscaled.
            gradients_at: weights -> gradients.
        """

        def uphill() -> list[Any]:
            return list(
                gradients_at(climb(weights, gradients, self.rho, self.adaptive))
            )

        if self.every == 1:
            return uphill()
        due = ops.equal(step % self.every, 0)
        return ops.cond(due, uphill, lambda: list(otherwise))
