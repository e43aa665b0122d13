"""Learning rates as functions of the optimizer's step."""

from kerastricks.schedules.constant import Constant
from kerastricks.schedules.cosine import Cosine
from kerastricks.schedules.cosine_restarts import CosineRestarts
from kerastricks.schedules.exponential import Exponential
from kerastricks.schedules.flat_cosine import FlatCosine
from kerastricks.schedules.one_cycle import OneCycle, OneCycleMomentum
from kerastricks.schedules.paced import Paced
from kerastricks.schedules.polynomial import Linear, Polynomial
from kerastricks.schedules.step import MultiStep, Step
from kerastricks.schedules.tanh import Tanh
from kerastricks.schedules.triangle import Triangle
from kerastricks.schedules.warmup import Warmup, WarmupCosine

__all__ = [
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "FlatCosine",
    "Linear",
    "MultiStep",
    "OneCycle",
    "OneCycleMomentum",
    "Paced",
    "Polynomial",
    "Step",
    "Tanh",
    "Triangle",
    "Warmup",
    "WarmupCosine",
]
