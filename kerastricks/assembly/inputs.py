"""Sources, splits and batches of a run."""

import contextlib
import dataclasses
import hashlib
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerastricks.assembly.augmentation import refuse_large
from kerastricks.config import Recipe, along_run
from kerastricks.data import (
    eval_pipeline,
    open_splits,
    policies,
    train_pipeline,
)
from kerastricks.data.bad_images import (
    has_signature,
    naming_bad,
    refuse_bad,
    skip_bad,
)
from kerastricks.data.cache import cached
from kerastricks.data.pipeline import steps_per_epoch
from kerastricks.data.sources import Source, stratified
from kerastricks.data.squares import Squares
from kerastricks.data.statistics import dataset_statistics
from kerastricks.errors import InputError
from kerastricks.progress import Progress
from kerastricks.training import Phase

OTHER = 1_000_003  # a prime: far from the seeds that people count up
JAX = keras.backend.backend() == "jax"


with contextlib.suppress(RuntimeError):  # TensorFlow is at work already
    if JAX:
        # TensorFlow only feeds the step then; the GPU's memory is JAX's.
        tf.config.set_visible_devices([], "GPU")
    if JAX or tf.config.list_physical_devices("GPU"):
        # The host only makes batches: all cores on an image each, instead of
        # all on one, is a third faster (docs/decoding.md).
        tf.config.threading.set_intra_op_parallelism_threads(1)


SPLITS = ("train", "val")


@dataclasses.dataclass(frozen=True)
class Splits:
    """The data of a run, ready for the pipeline."""

    train: Source
    val: Source
    image_size: int

    @property
    def skipped(self) -> tuple[str, ...]:
        """Files left out because they are no images."""
        return self.train.skipped + self.val.skipped

    def sha256(self, *names: str) -> str:
        """Of labels and file names; not of where the data lies.

        Args:
            names: train, val; both if none is given.
        """
        total = hashlib.sha256()
        for source in (getattr(self, name) for name in names or SPLITS):
            total.update(source.labels.tobytes())
            for name in source.names:
                total.update(os.fsencode(os.path.basename(name)))
        return total.hexdigest()


def data(recipe: Recipe) -> Splits:
    """The two splits that a run trains and validates on."""
    knobs = recipe.data
    policies.create(knobs.policy)  # a mistyped one shall not wait for the data
    splits = opened(recipe, knobs.data, knobs.val_fraction)
    train = checked(recipe, splits["train"], "training")
    val = checked(recipe, splits["val"], "validation")
    train = part_of(recipe, train)
    for name, size in [
        ("batch_size", knobs.batch_size),
        *(("batch_schedule", size) for size in along(recipe, "batch_schedule")),
    ]:
        if not steps_per_epoch(train, size):
            raise InputError(
                f"{name} must not exceed the number of training images. "
                f"Received: {name}={size}, {len(train)} images"
            )
    refuse_multi_label(recipe, train)
    size = knobs.image_size or train.natural_size
    sizes = [size, *along(recipe, "resize_schedule")]
    refuse_large(recipe.augment, min(sizes))
    cut = squares(recipe, size)
    with naming_bad(train, val, max_pixels=knobs.max_pixels):
        train = cached(
            train,
            knobs.cache,
            cut,
            finished=knobs.train_crop == "center",
            progress=Progress("decoding training images"),
        )
        val = cached(
            val,
            knobs.cache,
            cut,
            finished=True,
            progress=Progress("decoding validation images"),
        )
    return Splits(train, val, size)


def along(recipe: Recipe, name: str) -> list[int]:
    """The values that a schedule of the recipe has."""
    text = getattr(recipe.schedule, name)
    return [int(value) for _, value in along_run(text, name)]


def opened(recipe: Recipe, data: str, val_fraction: float) -> dict[str, Source]:
    """The splits of the data, as the recipe reads and divides them."""
    return open_splits(
        data,
        val_fraction=val_fraction,
        seed=recipe.run.seed,
        image_key=recipe.data.image_key,
        label_key=recipe.data.label_key,
        progress=Progress("reading the data"),
    )


def refuse_multi_label(recipe: Recipe, source: Source) -> None:
    """What only makes sense where each image has one class."""
    if not source.multi_label:
        return
    values, defaults = recipe.values(), Recipe().values()
    for name in ("sampler", "class_weights"):
        if values[name] != defaults[name]:
            raise InputError(
                f"{name} needs images of one class each. Received: "
                f"{name}={values[name]}, images of several classes"
            )


def settle(recipe: Recipe, splits: Splits) -> Recipe:
    """The recipe with the numbers that only the data can tell."""
    if recipe.augment.normalize != "dataset":
        return recipe
    with naming_bad(splits.train, max_pixels=recipe.data.max_pixels):
        moments = dataset_statistics(
            splits.train,
            splits.image_size,
            Progress("measuring the images' mean and deviation"),
            **crops(recipe),
        )
    text = "/".join(
        ",".join(f"{value:.3f}" for value in three) for three in moments
    )
    return recipe.replace(normalize=text)


def evaluation_data(recipe: Recipe, other: str = "") -> Splits:
    """The validation split, of the run's data or of other data.

    Other data that has no validation split of its own is one as a whole.
    """
    splits = opened(
        recipe,
        other or recipe.data.data,
        1.0 if other else recipe.data.val_fraction,
    )
    val = checked(recipe, splits["val"], "validation")
    # Of the training images, as in training.
    suits = splits["train"].natural_size
    return Splits(val, val, recipe.data.image_size or suits)


def learnt_from(recipe: Recipe, source: Source, data: str) -> int:
    """How many of these images a run was trained on, as far as names tell.

    Args:
        data: what the source was opened by.
    """
    knobs = recipe.data
    if not source.in_files and data != knobs.data:
        return 0  # names say nothing of other sources
    try:
        train = opened(recipe, knobs.data, knobs.val_fraction)["train"]
    except InputError:  # it is gone
        return 0
    learnt, asked = (
        map(os.path.abspath, each.names) if each.in_files else each.names
        for each in (part_of(recipe, train), source)
    )
    return len(set(learnt) & set(asked))


def part_of(recipe: Recipe, train: Source) -> Source:
    """The training images that --sample_fraction leaves."""
    share = recipe.data.sample_fraction
    if share == 1:
        return train
    return train.subset(stratified(train.labels, share, recipe.run.seed))


def checked(recipe: Recipe, source: Source, name: str) -> Source:
    """The source as --on_bad_image wants it."""
    if recipe.data.on_bad_image == "skip":
        return skip_bad(
            source,
            Progress(f"checking {name} images"),
            recipe.data.max_pixels,
            every_class=name == "training",
        )
    refuse_bad(source, has_signature)
    return source


def clean_slice(recipe: Recipe, train: Source) -> Source | None:
    """The training images that each epoch is also evaluated on."""
    wanted = recipe.evaluate.clean_images
    if not wanted:
        return None
    share = min(1.0, wanted / len(train))
    chosen = stratified(train.labels, share, recipe.run.seed)
    # Of many small classes each gives one at least, which may be too many.
    spread = np.linspace(0, len(chosen) - 1, min(wanted, len(chosen)))
    return train.subset(chosen[spread.astype(int)])


def train_batches(
    recipe: Recipe,
    source: Source,
    phase: Phase,
    start: int,
    rollbacks: int = 0,
    said: np.ndarray | None = None,
) -> Any:
    """A phase's batches from one of its steps on.

    Args:
        rollbacks: how often the run has gone back; each time other batches.
        said: the teachers' logits [N, C] of the source's images.
    """
    return train_pipeline(
        source,
        image_size=phase.image_size,
        batch_size=phase.batch_size,
        seed=(recipe.run.seed + OTHER * rollbacks) % 2**31,
        epochs=phase.epochs,
        first_epoch=phase.first_epoch,
        start_step=start,
        sampler=recipe.data.sampler,
        repeat_augment=recipe.data.repeat_augment,
        policy=policies.at_strength(
            policies.create(recipe.data.policy), phase.strength
        ),
        views=phase.views,
        beside=None if said is None else {"teacher": said},
        data_service=recipe.data.data_service,
        **crops(recipe),
    )


def eval_batches(recipe: Recipe, source: Source, image_size: int) -> Any:
    """Every image once, in order."""
    return eval_pipeline(
        source,
        image_size=image_size,
        batch_size=recipe.evaluate.eval_batch_size or recipe.data.batch_size,
        **crops(recipe),
    )


def crops(recipe: Recipe) -> dict[str, Any]:
    """How squares are cut, whatever their size."""
    names = {field.name for field in dataclasses.fields(Squares)}
    return {
        name: value
        for name, value in vars(recipe.data).items()
        if name in names
    }


def squares(recipe: Recipe, image_size: int) -> Squares:
    """The same, of one size."""
    return Squares(image_size, **crops(recipe))
