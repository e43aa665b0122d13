"""The phases of a run."""

from kerastricks.assembly.augmentation import augment
from kerastricks.assembly.inputs import Splits
from kerastricks.assembly.step import views
from kerastricks.config import Recipe
from kerastricks.data.pipeline import steps_per_epoch
from kerastricks.training import Phase


def phases(recipe: Recipe, splits: Splits) -> list[Phase]:
    """The run's phases: with mixing, then without."""
    steps = steps_per_epoch(splits.train, recipe.data.batch_size)
    mixed = augment(recipe)
    plan = [
        (
            "train",
            recipe.schedule.epochs - recipe.augment.mix_off_epochs,
            mixed,
        ),
        ("no mixing", recipe.augment.mix_off_epochs, mixed.without_mixing()),
    ]
    made: list[Phase] = []
    epoch = 0
    for name, epochs, tricks in plan:
        if epochs:
            made.append(
                Phase(
                    name=name,
                    first_epoch=epoch,
                    epochs=epochs,
                    first_step=epoch * steps,
                    steps_per_epoch=steps,
                    image_size=splits.image_size,
                    batch_size=recipe.data.batch_size,
                    views=views(recipe),
                    augment=tricks,
                )
            )
        epoch += epochs
    return made
