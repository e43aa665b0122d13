"""Training: the step, the phases of a run, checkpoints."""

from kerastricks.training.learner import Learner
from kerastricks.training.phases import Phase, run_phases
from kerastricks.training.run_state import RunState

__all__ = ["Learner", "Phase", "RunState", "run_phases"]
