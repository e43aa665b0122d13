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

from kerastricks.data.sources.source import Source
from kerastricks.data.squares import Squares

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
    **crops: Any,
) -> tf.data.Dataset:
    """Shuffled, cropped training batches of several epochs.

    Args:
        first_epoch: the number of the first epoch, which seeds its order.
        start_step: steps of these epochs to leave out, to resume after them.
        crops: how squares are cut (see `Squares`): train_crop, crop_area, ...

    Example:
        source = kerastricks.data.open_source("shapes")
        batches = train_pipeline(source, image_size=64, batch_size=32)
        inputs, labels = next(iter(batches))
    """
    steps = steps_per_epoch(source, batch_size)
    images_per_epoch = steps * batch_size
    last = tf.constant(len(source) - 1, tf.int64)

    squares = Squares(image_size, **crops)

    def square(data: Tensor, key: Tensor) -> Tensor:
        return squares.train(data, key, source.encoded)

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
    **crops: Any,
) -> tf.data.Dataset:
    """Every image once, in order; the last batch holds what is left."""
    squares = Squares(image_size, **crops)

    def square(data: Tensor, key: Tensor) -> Tensor:
        return squares.eval(data, source.encoded)

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


def finish(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Deterministic order, and one batch ready before it is asked for."""
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = True
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)
