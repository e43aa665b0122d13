"""From the recipe to datasets, augmentation, model, loss and optimizer.

The only file that knows both the recipe and the tricks: everything below takes
plain arguments. A trick of strength 0 is not built at all.
"""

import contextlib
import dataclasses
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerastricks import config, models
from kerastricks.augment import (
    Augment,
    BatchTrick,
    ColorJitter,
    CutMix,
    Cutout,
    GaussianBlur,
    GridMask,
    HideAndSeek,
    MixSwitch,
    MixUp,
    Normalize,
    PcaNoise,
    RandomErasing,
    RandomFlip,
    RandomGrayscale,
    RandomTranslate,
    Ricap,
)
from kerastricks.config import Recipe, normalization
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
from kerastricks.layers.whitening import whitening_kernel
from kerastricks.losses import BinaryCrossentropy, SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.schedules import WarmupCosine
from kerastricks.training import Learner, Phase

WHITENING = 5000 * 32**2  # pixels: airbench's 5,000 images
JAX = keras.backend.backend() == "jax"
with contextlib.suppress(RuntimeError):  # TensorFlow is at work already
    if JAX:
        # TensorFlow only feeds the step then; the GPU's memory is JAX's.
        tf.config.set_visible_devices([], "GPU")
    if JAX or tf.config.list_physical_devices("GPU"):
        # The host only makes batches: all cores on an image each, instead of
        # all on one, is a third faster (docs/decoding.md).
        tf.config.threading.set_intra_op_parallelism_threads(1)


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

    def sha256(self) -> str:
        """Of labels and file names; not of where the data lies."""
        total = hashlib.sha256()
        for source in (self.train, self.val):
            total.update(source.labels.tobytes())
            for name in source.names:
                total.update(os.path.basename(name).encode("utf-8", "replace"))
        return total.hexdigest()


def data(recipe: Recipe) -> Splits:
    """The two splits that a run trains and validates on."""
    knobs = recipe.data
    policies.create(knobs.policy)  # a mistyped one shall not wait for the data
    splits = opened(recipe, knobs.data, knobs.val_fraction)
    train = checked(recipe, splits["train"], "training")
    val = checked(recipe, splits["val"], "validation")
    if knobs.sample_fraction < 1:
        train = train.subset(
            stratified(train.labels, knobs.sample_fraction, recipe.run.seed)
        )
    if not steps_per_epoch(train, knobs.batch_size):
        raise InputError(
            "batch_size must not exceed the number of training images. "
            f"Received: batch_size={knobs.batch_size}, {len(train)} images"
        )
    refuse_multi_label(recipe, train)
    size = knobs.image_size or train.natural_size
    refuse_large(recipe.augment, size)
    cut = squares(recipe, size)
    with naming_bad(train, val, max_pixels=knobs.max_pixels):
        train = cached(
            train,
            knobs.cache,
            cut,
            finished=knobs.train_crop == "center",
            progress=progress("decoding training images"),
        )
        val = cached(
            val,
            knobs.cache,
            cut,
            finished=True,
            progress=progress("decoding validation images"),
        )
    return Splits(train, val, size)


def opened(recipe: Recipe, data: str, val_fraction: float) -> dict[str, Source]:
    """The splits of the data, as the recipe reads and divides them."""
    return open_splits(
        data,
        val_fraction=val_fraction,
        seed=recipe.run.seed,
        image_key=recipe.data.image_key,
        label_key=recipe.data.label_key,
        progress=progress("reading the data"),
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
            progress("measuring the images' mean and deviation"),
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
    return Splits(val, val, recipe.data.image_size or val.natural_size)


def checked(recipe: Recipe, source: Source, name: str) -> Source:
    """The source as --on_bad_image wants it."""
    if recipe.data.on_bad_image == "skip":
        return skip_bad(
            source,
            progress(f"checking {name} images"),
            recipe.data.max_pixels,
            every_class=name == "training",
        )
    refuse_bad(source, has_signature)
    return source


def progress(what: str) -> Callable[[int, int], None] | None:
    """A line that counts up, on a terminal only."""
    if not sys.stdout.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{what}  {done}/{total}", end=end, flush=True)

    return show


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
    recipe: Recipe, source: Source, phase: Phase, start: int
) -> Any:
    """A phase's batches from one of its steps on."""
    return train_pipeline(
        source,
        image_size=phase.image_size,
        batch_size=phase.batch_size,
        seed=recipe.run.seed,
        epochs=phase.epochs,
        first_epoch=phase.first_epoch,
        start_step=start,
        sampler=recipe.data.sampler,
        repeat_augment=recipe.data.repeat_augment,
        policy=policies.create(recipe.data.policy),
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


def normalizer(recipe: Recipe) -> Normalize:
    """The part of the augmentation that evaluation shares."""
    return Normalize(*normalization(recipe.augment.normalize))


def augment(recipe: Recipe) -> Augment:
    """The batch tricks that are on, in the order in which they act."""
    knobs = recipe.augment
    return Augment(
        [
            *moves(knobs),
            *colors(knobs),
            normalizer(recipe),
            *erasers(knobs),
            *mixers(knobs),
        ]
    )


def moves(knobs: config.Augment) -> Iterator[BatchTrick]:
    """What acts on bytes: where pixels come from."""
    if knobs.flip:
        yield RandomFlip(knobs.flip, alternate=knobs.flip_mode == "alternate")
    if knobs.vflip:
        yield RandomFlip(knobs.vflip, axis="vertical")
    if knobs.translate:
        yield RandomTranslate(knobs.translate)
    if knobs.blur:
        yield GaussianBlur(knobs.blur, knobs.blur_sigma)


def colors(knobs: config.Augment) -> Iterator[BatchTrick]:
    """What becomes one matrix with the normalisation."""
    if any(knobs.color_jitter) or knobs.hue:
        yield ColorJitter(
            *knobs.color_jitter,
            hue=knobs.hue,
            order=knobs.jitter_order,
            clip=knobs.jitter_clip,
        )
    if knobs.grayscale:
        yield RandomGrayscale(knobs.grayscale)
    if knobs.pca_noise:
        yield PcaNoise(knobs.pca_noise)


def erasers(knobs: config.Augment) -> Iterator[BatchTrick]:
    """What replaces pixels of normalised images."""
    if knobs.cutout:
        yield Cutout(knobs.cutout, knobs.cutout_holes)
    if knobs.erasing:
        yield RandomErasing(
            knobs.erasing, law=knobs.erasing_law, fill=knobs.erasing_fill
        )
    if knobs.grid_mask:
        yield GridMask(knobs.grid_mask, knobs.grid_mask_ratio)
    if knobs.hide_and_seek:
        yield HideAndSeek(knobs.hide_and_seek)


def mixers(knobs: config.Augment) -> Iterator[BatchTrick]:
    """What blends samples: one trick, or a choice of several."""
    how = knobs.mix_per, knobs.mix_partner
    several: list[BatchTrick] = []
    if knobs.mixup:
        several.append(MixUp(knobs.mixup, *how))
    if knobs.cutmix:
        several.append(CutMix(knobs.cutmix, *how))
    if knobs.ricap:
        several.append(Ricap(knobs.ricap))
    if len(several) > 1 or (several and knobs.mix_prob < 1):
        yield MixSwitch(
            tuple(several), knobs.mix_prob, knobs.mix_switch, knobs.mix_per
        )
    else:
        yield from several


def refuse_large(knobs: config.Augment, image_size: int) -> None:
    """Tricks measured in pixels must leave something of the image."""
    for name in ("translate", "cutout"):
        pixels = getattr(knobs, name)
        if pixels >= image_size:
            raise InputError(
                f"{name} must be below the image's size of {image_size} "
                f"pixels. Received: {name}={pixels}"
            )


def classifier(
    recipe: Recipe,
    num_classes: int,
    image_size: int,
    precision: str,
    published: str = "",
) -> keras.Model:
    """The network; the same weights under every precision.

    Args:
        published: of a zoo's model, the weights that came with it.
    """
    values, name = recipe.values(), recipe.model.model
    options = {knob: values[knob] for knob in models.knobs(name)}
    if published:
        options["weights"] = published
    model = models.create(
        name,
        num_classes=num_classes,
        image_size=image_size,
        seed=recipe.run.seed,
        dtype=precision,
        **options,
    )
    return models.fuse_batch_norms(model) if models.in_zoo(name) else model


def begun(recipe: Recipe, splits: Splits, fresh: bool) -> keras.Model:
    """The network with what it starts from, fixed where it stays so."""
    knobs = recipe.model
    published = published_weights(recipe) if fresh else ""
    model = classifier(
        recipe,
        len(splits.train.class_names),
        splits.image_size,
        recipe.run.precision,
        published,
    )
    if fresh and knobs.init_weights and not published:
        print(*models.init_from(model, knobs.init_weights), sep="\n")
    if knobs.freeze_bn:
        count = models.freeze_batch_norms(model)
        print(f"frozen: {count} batch norms")
    if fresh and knobs.model == "cifar_fast" and not knobs.init_weights:
        images = whitening_images(recipe, splits)
        model.get_layer("whiten").kernel.assign(whitening_kernel(images))
    return model


def published_weights(recipe: Recipe) -> str:
    """Weights of a zoo's own, if --init_weights names such."""
    name, weights = recipe.model.model, recipe.model.init_weights
    if weights.endswith(".weights.h5") or not (weights and models.in_zoo(name)):
        return ""
    wanted, given = (
        models.published_normalization(name),
        recipe.augment.normalize,
    )
    if not np.allclose(normalization(wanted), normalization(given), rtol=1e-3):
        raise InputError(
            f"published weights of {name} need --normalize={wanted}. "
            f"Received: normalize={given}"
        )
    return weights


def whitening_images(recipe: Recipe, splits: Splits) -> np.ndarray:
    """Some training images of all classes, cropped as they will be."""
    count, side = len(splits.train), splits.image_size
    wanted = min(count, max(1, WHITENING // side**2))
    spread = np.linspace(0, count - 1, wanted).astype(int)
    batches = train_pipeline(
        splits.train.subset(spread),
        image_size=splits.image_size,
        batch_size=min(recipe.data.batch_size, len(spread)),
        seed=recipe.run.seed,
        epochs=1,
        **crops(recipe),
    )
    squares = [batch["image"].numpy() for batch, _ in batches]
    mean, std = normalization(recipe.augment.normalize)
    return (np.concatenate(squares) - np.array(mean)) / np.array(std)


def schedule(recipe: Recipe, steps_in_epoch: int) -> WarmupCosine:
    """The learning rate of every step."""
    return WarmupCosine(
        peak=recipe.peak_learning_rate(),
        total_steps=recipe.schedule.epochs * steps_in_epoch,
        warmup_steps=round(recipe.warmup_epochs() * steps_in_epoch),
    )


def optimizer(recipe: Recipe, steps_in_epoch: int) -> SGD:
    """The optimizer with its schedule."""
    knobs = recipe.optimizer
    return SGD(
        schedule(recipe, steps_in_epoch),
        momentum=knobs.momentum,
        nesterov=knobs.nesterov,
        weight_decay=knobs.weight_decay,
        semantics=knobs.sgd_semantics,
        no_bias_decay=knobs.no_bias_decay,
    )


def class_weights(recipe: Recipe, source: Source) -> list[float] | None:
    """A factor for each class; balanced ones average to 1 over the images."""
    text, classes = recipe.loss.class_weights, len(source.class_names)
    if not text:
        return None
    if text == "balanced":
        counts = source.class_counts()
        there = counts > 0  # what is never seen weighs nothing
        even = len(source) / (there.sum() * np.maximum(counts, 1))
        return np.where(there, even, 0.0).tolist()
    weights = config.class_weights(text)
    if len(weights) != classes:
        raise InputError(
            "class_weights must have a number for each class. Received: "
            f"{len(weights)} numbers, {classes} classes"
        )
    return list(weights)


def learner(recipe: Recipe, splits: Splits, fresh: bool = True) -> Learner:
    """The compiled learner, all of its variables made.

    Args:
        fresh: no checkpoint will replace the weights.
    """
    model = begun(recipe, splits, fresh)
    several = splits.train.multi_label
    made = Learner(model, augment(recipe), several, dtype=recipe.run.precision)
    smoothing = recipe.loss.label_smoothing
    made.compile(
        optimizer(
            recipe, steps_per_epoch(splits.train, recipe.data.batch_size)
        ),
        BinaryCrossentropy(smoothing)
        if several
        else SoftCrossEntropy(
            smoothing, class_weights=class_weights(recipe, splits.train)
        ),
    )
    made.optimizer.build(made.trainable_variables)
    return made


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
                    augment=tricks,
                )
            )
        epoch += epochs
    return made
