"""The only order, map, batch and prefetch.

A batch is ({"image": uint8 [B, S, S, 3], "key": int32 [B, 2]}, label [B]).

Order is a function: the image at (epoch, position) comes from a stateless
permutation, so there is no shuffle buffer, a run resumes at any step at no
cost, and every epoch is a true shuffle of everything. Randomness is data: each
sample carries a key made of (seed, epoch, position), and whatever is drawn for
it, on the host or on the device, is drawn from that key.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerastricks.data import decode
from kerastricks.data.crop import random_resized_crop_box
from kerastricks.data.sources.source import Source

Tensor = Any


def steps_per_epoch(source: Source, batch_size: int) -> int:
    """Whole batches in an epoch; another few images are left out each time."""
    return len(source) // batch_size


def train_pipeline(
    source: Source,
    *,
    image_size: int,
    batch_size: int,
    seed: int = 0,
    epochs: int = 1,
    first_epoch: int = 0,
    start_step: int = 0,
    crop: str = "rrc",
    crop_area: tuple[float, float] = (0.08, 1.0),
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3),
    eval_crop: float = 0.875,
) -> tf.data.Dataset:
    """Shuffled, cropped training batches of several epochs.

    Args:
        first_epoch: the number of the first epoch, which seeds its order.
        start_step: steps of these epochs to leave out, to resume after them.
        crop: `rrc` (random resized crop) or `center` (as in evaluation).

    Example:
        source = kerastricks.data.open_source("shapes")
        batches = train_pipeline(source, image_size=64, batch_size=32)
        inputs, labels = next(iter(batches))
    """
    steps = steps_per_epoch(source, batch_size)
    images_per_epoch = steps * batch_size
    last = tf.constant(len(source) - 1, tf.int64)

    def square(data: Tensor, key: Tensor) -> Tensor:
        if crop == "center":
            return eval_image(source, data, image_size, eval_crop)
        return cropped_image(
            source, data, key, image_size, crop_area, crop_aspect
        )

    def place(counter: Tensor) -> tuple[Tensor, Tensor]:
        """(index, key) of the counter-th sample."""
        epoch = first_epoch + counter // images_per_epoch
        position = counter % images_per_epoch
        order = tf.stack([tf.constant(seed, tf.int64), epoch])
        index = shuffled(position, order, last)
        key = tf.random.experimental.stateless_fold_in(
            tf.cast(order, tf.int32), tf.cast(position, tf.int32)
        )
        return index, key

    counters = tf.data.Dataset.range(
        start_step * batch_size, epochs * images_per_epoch
    )
    samples = counters.map(
        lambda counter: sample(source, *place(counter), square),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return finish(samples.batch(batch_size, drop_remainder=True))


def shuffled(position: Tensor, order: Tensor, last: Tensor) -> Tensor:
    """Where a permutation of 0..last, named by the order, sends a position.

    `tf.random.experimental.index_shuffle` mixes small seeds badly: in 2,000
    epochs of 64 images some never stood at some place and others three times
    too often. With the order hashed first and eight rounds instead of four,
    the counts are those of chance.
    """
    seed = tf.random.stateless_uniform(
        [3], order, minval=None, maxval=None, dtype=tf.int32
    )
    return tf.raw_ops.RandomIndexShuffle(
        index=position, seed=seed, max_index=last, rounds=8
    )


def eval_pipeline(
    source: Source,
    *,
    image_size: int,
    batch_size: int,
    eval_crop: float = 0.875,
) -> tf.data.Dataset:
    """Every image once, in order; the last batch holds what is left."""

    def square(data: Tensor, key: Tensor) -> Tensor:
        return eval_image(source, data, image_size, eval_crop)

    def place(index: Tensor) -> tuple[Tensor, Tensor]:
        return index, tf.stack([0, tf.cast(index, tf.int32)])

    samples = tf.data.Dataset.range(len(source)).map(
        lambda index: sample(source, *place(index), square),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return finish(samples.batch(batch_size))


def sample(
    source: Source,
    index: Tensor,
    key: Tensor,
    square: Callable[[Tensor, Tensor], Tensor],
) -> tuple[dict[str, Tensor], Tensor]:
    """One element: inputs and label."""
    data = source.fetch(tf.gather(source.indices, index))
    label = tf.gather(source.labels, index)
    return {"image": square(data, key), "key": key}, label


def cropped_image(
    source: Source,
    data: Tensor,
    key: Tensor,
    size: int,
    area: tuple[float, float],
    aspect: tuple[float, float],
) -> Tensor:
    """A random resized crop of bytes or pixels."""

    def draw_box(height: Tensor, width: Tensor) -> Tensor:
        return random_resized_crop_box(height, width, key, area, aspect)

    take = decode.decode_and_crop if source.encoded else decode.crop
    return tf.ensure_shape(
        decode.resize(take(data, draw_box), size, size), [size, size, 3]
    )


def eval_image(source: Source, data: Tensor, size: int, keep: float) -> Tensor:
    """The centre square of bytes or pixels."""
    image = decode.decode(data) if source.encoded else data
    return decode.eval_square(image, size, keep)


def finish(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Deterministic order, and one batch ready before it is asked for."""
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = True
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)
