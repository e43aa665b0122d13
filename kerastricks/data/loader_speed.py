"""How fast the host makes batches, and which of its stages takes the time."""

import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerastricks.data import order
from kerastricks.data.pipeline import Policy, keys
from kerastricks.data.sources.source import Source
from kerastricks.data.squares import Squares

Tensor = Any
Stage = Callable[[Tensor, Tensor], Tensor]  # (index, key) -> what it makes
WARM_UP = 0.5  # seconds, while tf.data finds its number of threads


def loader_speeds(
    source: Source,
    squares: Squares,
    policy: Policy | None = None,
    seconds: float = 3.0,
) -> dict[str, float]:
    """Images a second up to each stage: reading, + cropping, + policy."""

    def read(index: Tensor, key: Tensor) -> Tensor:
        return tf.size(source.fetch(index))

    def crop(index: Tensor, key: Tensor) -> Tensor:
        return squares.training(source, index, key)

    stages: dict[str, Stage] = {"reading": read, "decoding and cropping": crop}
    if policy:
        stages["the policy"] = lambda index, key: policy(crop(index, key), key)
    return {
        name: speed(samples(source, stage), seconds)
        for name, stage in stages.items()
    }


def samples(source: Source, stage: Stage) -> tf.data.Dataset:
    """What a stage makes of shuffled images, without end."""
    index_at = order.create(source.labels)
    indices = tf.constant(source.indices)

    def places(step: Tensor) -> tuple[Tensor, Tensor]:
        epoch, position = step // len(source), step % len(source)
        return (
            tf.gather(indices, index_at(epoch, position[None])),
            keys(0, epoch, position[None], position[None]),
        )

    return (
        tf.data.Dataset.range(2**62)
        .map(places)
        .unbatch()
        .map(stage, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(32)
        .prefetch(tf.data.AUTOTUNE)
    )


def speed(batches: tf.data.Dataset, seconds: float) -> float:
    """Images a second."""
    stream = iter(batches)
    until = time.perf_counter() + WARM_UP
    while time.perf_counter() < until:
        next(stream)
    images, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        images += len(next(stream))
    return images / passed


def slowest(speeds: dict[str, float]) -> tuple[str, float]:
    """The stage that adds most to an image's time, and its share of it."""
    spent, before = {}, 0.0
    for name, images_per_second in speeds.items():
        spent[name] = max(1 / images_per_second - before, 0.0)
        before = max(1 / images_per_second, before)
    name = max(spent, key=lambda stage: spent[stage])
    return name, spent[name] / before
