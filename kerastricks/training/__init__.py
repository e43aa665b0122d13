"""Training: the step, the phases of a run, checkpoints."""

from kerastricks.training.distiller import Distiller
from kerastricks.training.ema import Ema, EpochMeans
from kerastricks.training.learner import Learner
from kerastricks.training.phases import Phase, run_phases
from kerastricks.training.run_state import RunState
from kerastricks.training.sam import Sam

__all__ = [
    "Distiller",
    "Ema",
    "EpochMeans",
    "Learner",
    "Phase",
    "RunState",
    "Sam",
    "run_phases",
]
