"""The recipe: one experiment as a value."""

import dataclasses
import hashlib
from typing import Any

from kerastricks.config.knobs import Value, checked
from kerastricks.config.names import unknown_name
from kerastricks.config.rules import broken_rules, cycles
from kerastricks.config.sections import (
    FIELD_OF,
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
from kerastricks.config.texts import numbers
from kerastricks.config.usual import usual
from kerastricks.errors import InputError
from kerastricks.models.names import knobs
from kerastricks.scaling import scaled


@dataclasses.dataclass(frozen=True, init=False)
class Recipe:
    """One experiment.

    Args:
        **values: leaves by name; the others keep their defaults.

    Example:
        recipe = Recipe(data="folder:flowers", mixup=0.2, epochs=60)
        recipe.augment.mixup  # 0.2
        longer = recipe.replace(epochs=120)
    """

    data: Data
    augment: Augment
    model: Model
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    distill: Distill
    finetune: Finetune
    evaluate: Evaluate
    run: Run

    def __init__(self, **values: Any) -> None:
        given: dict[str, dict[str, Value]] = {name: {} for name in SECTIONS}
        for name, value in values.items():
            if name not in SECTION_OF:
                raise InputError(unknown_name(name))
            given[SECTION_OF[name]][name] = checked(FIELD_OF[name], value)
        for section, cls in SECTIONS.items():
            object.__setattr__(self, section, cls(**given[section]))

    def values(self) -> dict[str, Value]:
        """Every leaf by name, in order."""
        return {
            field.name: getattr(getattr(self, section), field.name)
            for section, field in leaves()
        }

    def replace(self, **values: Any) -> "Recipe":
        """The same recipe with some leaves changed."""
        return Recipe(**(self.values() | values))

    def identity(self) -> dict[str, Value]:
        """The leaves that make this experiment what it is."""
        values = self.values()
        return {
            field.name: values[field.name]
            for _, field in leaves()
            if field.metadata["identity"]
        }

    def sha256(self) -> str:
        """Fingerprint of the identity."""
        return hashlib.sha256(repr(self.identity()).encode()).hexdigest()

    def validate(self) -> "Recipe":
        """Refuses knobs that contradict each other; returns itself."""
        knobs(self.model.model)  # refuses a mistyped model
        for rule, names in broken_rules(self):
            values = self.values()
            got = ", ".join(f"{name}={values[name]}" for name in names)
            raise InputError(f"{rule}. Received: {got}")
        return self

    def settled(self) -> "Recipe":
        """The same with what depends on the optimizer spelled out."""
        return self.replace(**usual(self.optimizer, cycles(self.schedule)))

    def warmup_epochs(self) -> float:
        """The warm-up that -1 stands for, or the one given."""
        schedule = self.schedule
        if schedule.warmup_epochs >= 0:
            return schedule.warmup_epochs
        if schedule.schedule in ("one_cycle", "triangle"):
            return 0.0
        return min(5.0, schedule.epochs / 6)

    def peak_learning_rate(self) -> float:
        """The learning rate after scaling by the batch."""
        optimizer = self.settled().optimizer
        rates = numbers(optimizer.lr_groups, "lr_groups")
        return scaled(
            rates[-1] if rates else optimizer.learning_rate,
            self.data.batch_size,
            optimizer.lr_scaling,
        )
