"""Loss, optimizer and learner: what a training step does."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from kerastricks import config
from kerastricks.assembly.augmentation import augment
from kerastricks.assembly.inputs import Splits
from kerastricks.assembly.network import begun
from kerastricks.assembly.plan import VIEWS, pace, phases, views
from kerastricks.assembly.updates import optimizer
from kerastricks.config import Recipe
from kerastricks.data.pipeline import steps_per_epoch
from kerastricks.data.sources import Source
from kerastricks.errors import InputError
from kerastricks.losses import (
    BinaryCrossentropy,
    Focal,
    JsdLoss,
    SoftCrossEntropy,
)
from kerastricks.models.fuse import sides_of
from kerastricks.optimizers.clipping import Clip, head_variables
from kerastricks.training import (
    Distiller,
    Ema,
    EpochMeans,
    Learner,
    Phase,
    Sam,
)


def learner(
    recipe: Recipe,
    splits: Splits,
    fresh: bool = True,
    teachers: Sequence[keras.Model] = (),
) -> Learner:
    """The compiled learner, all of its variables made.

    Args:
        fresh: no checkpoint will replace the weights.
        teachers: that --teacher names, but for `ema`.
    """
    model = begun(recipe, splits, fresh)
    plan = phases(recipe, splits)
    refuse_sizes(model, plan)
    steps = steps_per_epoch(splits.train, recipe.data.batch_size)
    with as_input_errors():
        made = learner_of(recipe, model, splits, teachers)
        made.compile(
            optimizer(recipe, steps, model, pace(recipe, plan)),
            loss(recipe, splits.train),
        )
    made.optimizer.build(made.trainable_variables)
    return made


def refuse_sizes(model: keras.Model, plan: Sequence[Phase]) -> None:
    """Some networks of other libraries take images of one size only."""
    sides = sides_of(model)
    for phase in plan:
        if any(side not in (None, phase.image_size) for side in sides):
            raise InputError(
                f"this network takes images of {sides[0]} px only: leave "
                "resize_schedule out. Received: "
                f"model={model.name}, {phase.image_size} px"
            )


@contextlib.contextmanager
def as_input_errors() -> Iterator[None]:
    """What a trick refuses, came from the flags."""
    try:
        yield
    except ValueError as error:
        if str(error).count("Received:") == 1:  # a rule of this house
            raise InputError(str(error)) from error
        raise


def learner_of(
    recipe: Recipe,
    model: keras.Model,
    splits: Splits,
    teachers: Sequence[keras.Model],
) -> Learner:
    """The learner, or the distiller, of a model."""
    knobs, distill = recipe.optimizer, recipe.distill
    options: dict[str, Any] = dict(
        multi_label=splits.train.multi_label,
        accumulate=knobs.accumulate,
        clip=clip(knobs, model),
        sam=Sam(knobs.sam, knobs.asam, knobs.sam_every) if knobs.sam else None,
        average=average(knobs),
        views=views(recipe),
        nan_steps=recipe.run.nan_steps,
        dtype=recipe.run.precision,
    )
    if not distill.teacher:
        return Learner(model, augment(recipe), **options)
    return Distiller(
        model,
        augment(recipe),
        teachers=teachers or distill.teacher,
        temperature=distill.temperature,
        kind=distill.distill_loss,
        hard_weight=distill.hard_weight,
        soft_weight=None if distill.soft_weight < 0 else distill.soft_weight,
        feature_weight=distill.distill_features,
        seed=recipe.run.seed,
        **options,
    )


def clip(knobs: config.Optimizer, model: keras.Model) -> Clip | None:
    """What makes gradients smaller, if they are to be; agc spares the head."""
    if not knobs.clip_grad:
        return None
    skip = head_variables(model) if knobs.clip_mode == "agc" else ()
    return Clip(knobs.clip_grad, knobs.clip_mode, skip)


def average(knobs: config.Optimizer) -> Ema | EpochMeans | None:
    """The average of the weights, if there is to be one."""
    if knobs.ema:
        return Ema(knobs.ema, knobs.ema_warmup)
    return EpochMeans() if knobs.swa_epochs else None


def loss(recipe: Recipe, source: Source) -> keras.losses.Loss:
    """What is minimised."""
    knobs, several = recipe.loss, source.multi_label
    kind, law = loss_kind(recipe, source), knobs.smoothing_law
    if law == "auto":
        law = "half" if several else "uniform"
    smoothing, weights = knobs.label_smoothing, class_weights(recipe, source)
    if knobs.jsd:
        return JsdLoss(knobs.jsd, smoothing, VIEWS)
    if kind == "softmax":
        return SoftCrossEntropy(smoothing, law, weights)
    if kind == "focal":
        return Focal(knobs.focal_gamma, None, several, smoothing, weights)
    # Where the data has chosen the loss, its knobs are not looked at.
    if knobs.loss == "auto":
        return BinaryCrossentropy(smoothing, None, law, False, weights)
    threshold = knobs.bce_target_thresh
    least = smoothing / (2 if law == "half" else len(source.class_names))
    if 0 <= threshold < least:
        raise InputError(
            f"label_smoothing lifts every target to {least:g} and so above "
            "bce_target_thresh: lower the one or raise the other. Received: "
            f"label_smoothing={smoothing}, bce_target_thresh={threshold}"
        )
    return BinaryCrossentropy(
        smoothing,
        None if threshold < 0 else threshold,
        law,
        knobs.bce_sum,
        weights,
    )


def loss_kind(recipe: Recipe, source: Source) -> str:
    """Of softmax, sigmoid and focal the one that it is."""
    kind, several = recipe.loss.loss, source.multi_label
    if kind == "auto":
        kind = "sigmoid" if several else "softmax"
    softmax_only = (
        kind == "softmax" or recipe.loss.jsd or recipe.distill.teacher
    )
    if several and softmax_only:
        raise InputError(
            "images of several classes need loss=sigmoid or loss=focal, "
            "without jsd or a teacher. Received: "
            f"loss={recipe.loss.loss}, jsd={recipe.loss.jsd}, "
            f"teacher={recipe.distill.teacher}"
        )
    return kind


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
