"""The phases of a run."""

import itertools
from collections.abc import Iterator
from typing import Any

from kerastricks.assembly.augmentation import augment
from kerastricks.assembly.inputs import Splits
from kerastricks.config import FIELD_OF, STRENGTHS, Recipe, along_run
from kerastricks.data.pipeline import steps_per_epoch
from kerastricks.models.names import stages
from kerastricks.scaling import scaled
from kerastricks.training import Phase

VIEWS = 3  # of an image, AugMix's


def phases(recipe: Recipe, splits: Splits) -> list[Phase]:
    """The run's phases: everything that changes changes between two of them."""
    made: list[Phase] = []
    step = 0
    for first, end in itertools.pairwise(
        [*starts(recipe), recipe.schedule.epochs]
    ):
        batch_size = int(at(recipe, "batch_schedule", first))
        steps = steps_per_epoch(splits.train, batch_size)
        made.append(
            Phase(
                name=", ".join(names(recipe, first)) or "train",
                first_epoch=first,
                epochs=end - first,
                first_step=step,
                steps_per_epoch=steps,
                image_size=image_size(recipe, splits, first),
                batch_size=batch_size,
                views=views(recipe),
                augment=strengthened(recipe, first),
                trained=trained(recipe, first),
                strength=at(recipe, "strength_schedule", first),
            )
        )
        step += (end - first) * steps
    return made


def pace(
    recipe: Recipe, plan: list[Phase]
) -> list[tuple[int, int, int, float]]:
    """The stretches of `Paced`, if batches change along the run."""
    if not recipe.schedule.batch_schedule:
        return []
    base, law = recipe.data.batch_size, recipe.settled().optimizer.lr_scaling
    return [
        (
            phase.first_step,
            phase.first_epoch,
            phase.steps_per_epoch,
            scaled(1.0, phase.batch_size, law, base),
        )
        for phase in plan
    ]


def doubtful(recipe: Recipe, plan: list[Phase]) -> list[str]:
    """A line for what a plan leaves undone."""
    trained = {phase.trained for phase in plan}
    if trained == {1}:
        return ["nothing but the head learns in this run"]
    if 0 not in trained:
        return [
            "the first layers never learn: the run ends before unfreeze_every="
            f"{recipe.finetune.unfreeze_every} comes to them"
        ]
    return []


def starts(recipe: Recipe) -> list[int]:
    """The epochs with which something begins, the first included."""
    epochs, knobs = recipe.schedule.epochs, recipe.finetune
    found = {0, knobs.freeze_epochs, epochs - knobs.head_epochs}
    found.add(epochs - recipe.augment.mix_off_epochs)
    if knobs.unfreeze_every:
        found |= {
            knobs.freeze_epochs + number * knobs.unfreeze_every
            for number in range(groups_of(recipe) - 1)
        }
    for name in ("resize_schedule", "batch_schedule", "strength_schedule"):
        found |= {epoch for epoch, _ in by_epoch(recipe, name)}
    return sorted(epoch for epoch in found if epoch < epochs)


def by_epoch(recipe: Recipe, name: str) -> list[tuple[int, float]]:
    """(first epoch, value) of what changes along the run."""
    steps = along_run(getattr(recipe.schedule, name), name)
    return [(round(share * recipe.schedule.epochs), v) for share, v in steps]


def at(recipe: Recipe, name: str, epoch: int) -> float:
    """What holds in an epoch; without a schedule what holds everywhere."""
    always = {"batch_schedule": recipe.data.batch_size, "strength_schedule": 1}
    values = [v for first, v in by_epoch(recipe, name) if first <= epoch]
    return values[-1] if values else always.get(name, 0)


def image_size(recipe: Recipe, splits: Splits, epoch: int) -> int:
    """Of training images in an epoch."""
    return int(at(recipe, "resize_schedule", epoch)) or splits.image_size


def trained(recipe: Recipe, epoch: int) -> int:
    """Layer groups that learn in an epoch, from the head on; 0: all."""
    knobs = recipe.finetune
    since = epoch - knobs.freeze_epochs
    if since < 0 or epoch >= recipe.schedule.epochs - knobs.head_epochs:
        return 1
    if not knobs.unfreeze_every:
        return 0
    groups = 2 + since // knobs.unfreeze_every
    return groups if groups < groups_of(recipe) else 0


def groups_of(recipe: Recipe) -> int:
    """Stem, stages, head."""
    return stages(recipe.model.model) + 2


def mixes(recipe: Recipe, epoch: int) -> bool:
    """Whether samples are still mixed in an epoch, if they are at all."""
    return epoch < recipe.schedule.epochs - recipe.augment.mix_off_epochs


def strengthened(recipe: Recipe, epoch: int) -> Any:
    """The tricks of an epoch."""
    factor = at(recipe, "strength_schedule", epoch)
    values = recipe.values()
    if factor != 1:
        recipe = recipe.replace(
            **{n: times(n, values[n], factor) for n in STRENGTHS}
        )
    tricks = augment(recipe)
    return tricks if mixes(recipe, epoch) else tricks.without_mixing()


def times(name: str, value: Any, factor: float) -> Any:
    """A strength, or each of several, made weaker or stronger."""
    if isinstance(value, tuple):
        return tuple(times(name, one, factor) for one in value)
    return min(factor * value, FIELD_OF[name].metadata["high"])


def names(recipe: Recipe, epoch: int) -> Iterator[str]:
    """What sets an epoch's phase apart from the run's others."""
    knobs, plan = recipe.finetune, recipe.schedule
    groups = trained(recipe, epoch)
    if knobs.freeze_epochs or knobs.head_epochs:
        last = f"the last {groups} layer groups" if groups else "all layers"
        yield "the head alone" if groups == 1 else last
    if plan.resize_schedule:
        yield f"{at(recipe, 'resize_schedule', epoch):.0f} px"
    if plan.batch_schedule:
        yield f"{at(recipe, 'batch_schedule', epoch):.0f} images a batch"
    if plan.strength_schedule:
        yield f"strength {at(recipe, 'strength_schedule', epoch):g}"
    if not mixes(recipe, epoch):
        yield "no mixing"


def views(recipe: Recipe) -> int:
    """Rows of a batch for each of its images."""
    return VIEWS if recipe.loss.jsd else 1
