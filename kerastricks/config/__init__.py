"""The recipe: every knob of an experiment once, in the order of a step.

A leaf's name is unique over all sections and is also its absl flag:
`recipe.augment.mixup` is `--mixup`. Strength 0 (or an empty text) is off.
"""

from kerastricks.config.idle import MODEL_KNOBS, doubts, idle_knobs
from kerastricks.config.names import ELSEWHERE, INSTEAD, meant, nearest
from kerastricks.config.recipe import Recipe
from kerastricks.config.rules import STRENGTHS, broken_rules
from kerastricks.config.sections import (
    FIELD_OF,
    OPTIMIZERS,
    SCHEDULES,
    SECTION_OF,
    SECTIONS,
    Augment,
    Data,
    Distill,
    Evaluate,
    Finetune,
    Loss,
    Model,
    Optimizer,
    Run,
    Schedule,
    leaves,
)
from kerastricks.config.texts import (
    along_run,
    class_weights,
    normalization,
    numbers,
)

__all__ = [
    "ELSEWHERE",
    "INSTEAD",
    "FIELD_OF",
    "MODEL_KNOBS",
    "OPTIMIZERS",
    "SCHEDULES",
    "SECTIONS",
    "SECTION_OF",
    "STRENGTHS",
    "Augment",
    "Data",
    "Distill",
    "Evaluate",
    "Finetune",
    "Loss",
    "Model",
    "Optimizer",
    "Recipe",
    "Run",
    "Schedule",
    "along_run",
    "broken_rules",
    "class_weights",
    "doubts",
    "idle_knobs",
    "leaves",
    "meant",
    "nearest",
    "normalization",
    "numbers",
]
