"""Learning rates as functions of the optimizer's step."""

from kerastricks.schedules.cosine import Cosine
from kerastricks.schedules.warmup import Warmup, WarmupCosine

__all__ = ["Cosine", "Warmup", "WarmupCosine"]
