"""The first batch of a run, stage by stage, as one picture."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerastricks import build
from kerastricks.augment import Augment, BatchTrick, MixSwitch, Normalize
from kerastricks.augment.augment import groups, in_turn
from kerastricks.config import Recipe
from kerastricks.data import order
from kerastricks.report.contact_sheet import Cell, contact_sheet
from kerastricks.training import Phase

NAMED = 3  # classes below a picture
SMALLEST_SHARE = 0.005


@dataclasses.dataclass(frozen=True)
class Stage:
    """What came out of one: uint8 images, and their labels if these changed."""

    title: str
    images: Any
    labels: Any = None


def look(recipe: Recipe, splits: build.Splits, count: int) -> bytes:
    """PNG of the first images of the run's first step."""
    phase = build.phases(recipe, splits)[0]
    # The step itself, in one process: mixing partners are the real ones.
    alone = recipe.replace(data_service="")
    batches = build.train_batches(alone, splits.train, phase, 0)
    inputs, labels = next(iter(batches))
    count = min(count, len(labels))
    stages = [
        *host_stages(recipe, splits, phase, inputs["key"][:count]),
        *device_stages(
            phase.augment,
            inputs,
            soft(labels, splits),
            recipe.data.policy or "crop",
        ),
    ]
    rows = [
        [
            Cell(
                np.asarray(stage.images[place], np.uint8),
                []
                if stage.labels is None
                else label_lines(stage.labels[place], splits),
            )
            for stage in stages
        ]
        for place in range(count)
    ]
    return contact_sheet([stage.title for stage in stages], rows)


def host_stages(
    recipe: Recipe, splits: build.Splits, phase: Phase, keys: Any
) -> list[Stage]:
    """The original, evaluation's view of it, and the crop before a policy."""
    source = splits.train
    squares = build.squares(recipe, phase.image_size)
    evaluated = build.squares(recipe, splits.image_size)
    index_at = order.create(
        source.labels,
        recipe.data.sampler,
        recipe.run.seed,
        recipe.data.repeat_augment,
    )
    places = index_at(
        tf.constant(0, tf.int64), tf.range(len(keys), dtype=tf.int64)
    )
    indices = [source.indices[place] for place in places.numpy()]
    data = [source.fetch(index) for index in indices]
    whole = [squares.decode(one) if source.encoded else one for one in data]
    labels = soft(tf.gather(source.labels, places), splits)
    stages = [
        Stage("original", [image.numpy() for image in whole], labels),
        Stage(
            "evaluation",
            [evaluated.evaluation(source, index) for index in indices],
        ),
    ]
    if recipe.data.policy:
        crops = [
            squares.training(source, index, key)
            for index, key in zip(indices, keys, strict=True)
        ]
        stages.append(Stage("crop", crops))
    return stages


def device_stages(
    augment: Augment, inputs: Any, labels: Any, came_as: str
) -> list[Stage]:
    """The batch as it comes, and after each trick of the step."""
    images = keras.ops.convert_to_tensor(inputs["image"].numpy())
    keys = keras.ops.convert_to_tensor(inputs["key"].numpy())
    stages = [Stage(came_as, inputs["image"].numpy(), labels)]
    shown = Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    for group in groups(augment.tricks):
        images, labels = in_turn(group, images, labels, keys)
        shown = next(filter(is_normalize, group), shown)
        told = [trick for trick in group if not is_normalize(trick)]
        if told:
            soft_labels = keras.ops.convert_to_numpy(labels)
            pixels = visible(images, shown)
            stages.append(Stage(title(told), pixels, soft_labels))
    return stages


def is_normalize(trick: BatchTrick) -> bool:
    """Whether it changes numbers alone, not what there is to see."""
    return isinstance(trick, Normalize)


def title(tricks: Sequence[BatchTrick]) -> str:
    """The names, and below them what differs from their defaults."""
    names = [type(trick).__name__ for trick in tricks]
    if isinstance(tricks[0], MixSwitch):
        names = [type(trick).__name__ for trick in tricks[0].tricks]
        return f"{' or '.join(names)}\n{settings(tricks[0])}"
    told = filter(None, map(settings, tricks))
    return f"{', '.join(names)}\n{', '.join(told)}"


def settings(trick: BatchTrick) -> str:
    """Fields that differ from their defaults."""
    return ", ".join(
        f"{field.name}={getattr(trick, field.name)}"
        for field in dataclasses.fields(trick)
        if field.name != "tricks"
        and getattr(trick, field.name) != field.default
    )


def visible(images: Any, normalize: Normalize) -> np.ndarray:
    """Normalised images, back on 0..255."""
    pixels = keras.ops.convert_to_numpy(images).astype(np.float32)
    pixels = pixels * np.array(normalize.std) + np.array(normalize.mean)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def soft(labels: Any, splits: build.Splits) -> np.ndarray:
    """float32 [B, C]."""
    labels = np.asarray(labels)
    if labels.ndim == 2:
        return labels
    return np.eye(len(splits.train.class_names), dtype=np.float32)[labels]


def label_lines(row: np.ndarray, splits: build.Splits) -> list[str]:
    """The classes with the largest shares."""
    best = np.argsort(-row, kind="stable")[:NAMED]
    return [
        f"{row[place]:.0%} {splits.train.class_names[place]}"
        for place in best
        if row[place] >= SMALLEST_SHARE
    ]
