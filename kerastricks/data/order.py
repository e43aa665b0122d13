"""Which image stands where: index = f(seed, epoch, position), without state.

So there is no shuffle buffer, every epoch is a true shuffle of everything, a
run resumes at any step at no cost, and a worker takes its share by slicing.

    uniform    every image once an epoch
    balanced   every class equally often: each stretch of C positions holds
               every class once, and a class goes through all of its images
               before it shows one again (those aside that fall to the rest
               of an epoch which fills no batch)
    repeated   an image stands at several positions in a row (Hoffer et al.,
               arXiv 1901.09335; Touvron et al., arXiv 2012.12877): the batch
               holds several draws of it, the epoch as many steps as ever

Acts on: which images a batch holds. Cost: none. Hurts: `balanced` shows rare
images so often that they are learnt by heart, and its probabilities are those
of equally frequent classes; `repeated` shows fewer different images, which
short runs miss.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any
# (epoch scalar, positions [B]) -> indices [B], all int64
Order = Callable[[Tensor, Tensor], Tensor]


def create(
    labels: np.ndarray, sampler: str = "uniform", seed: int = 0, repeat: int = 0
) -> Order:
    """The order of a training split.

    Args:
        sampler: `uniform` or `balanced`.
        repeat: positions in a row that an image takes; 0 and 1: one.
    """
    order = (
        balanced(labels, seed)
        if sampler == "balanced"
        else uniform(len(labels), seed)
    )
    return repeated(order, repeat) if repeat > 1 else order


def uniform(count: int, seed: int) -> Order:
    """Every image once an epoch."""

    def order(epoch: Tensor, positions: Tensor) -> Tensor:
        return shuffled(positions, tf.stack([to_int64(seed), epoch]), count - 1)

    return order


def repeated(order: Order, repeat: int) -> Order:
    """Each image at `repeat` positions in a row."""
    return lambda epoch, positions: order(epoch, positions // repeat)


def balanced(labels: np.ndarray, seed: int) -> Order:
    """Every class that has images equally often."""
    present, labels = np.unique(labels, return_inverse=True)
    members = np.argsort(labels, kind="stable")
    counts = np.bincount(labels).astype(np.int64)
    classes = len(present)
    starts = np.cumsum(counts) - counts
    rounds = -(-len(labels) // classes)  # in an epoch, the last one cut short

    def order(epoch: Tensor, positions: Tensor) -> Tensor:
        turn = epoch * rounds + positions // classes
        label = shuffled_each(
            positions % classes, seeds(seed, turn, 0), classes - 1
        )
        size = tf.gather(counts, label)
        place = shuffled_each(
            turn % size, seeds(seed, turn // size, label + 1), size - 1
        )
        return tf.gather(members, tf.gather(starts, label) + place)

    return order


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
    return shuffled_each(position, seed, last)


def shuffled_each(positions: Tensor, seeds: Tensor, last: Tensor) -> Tensor:
    """The same with a hashed seed of its own for each position."""
    return tf.raw_ops.RandomIndexShuffle(
        index=positions,
        seed=seeds,
        max_index=tf.cast(last, positions.dtype),
        rounds=8,
    )


def seeds(seed: int, first: Tensor, second: Tensor) -> Tensor:
    """int32 [B, 3] hashed from a number and two vectors of numbers."""
    bits = mix(mix(mix(to_uint32(seed)) + to_uint32(first)) + to_uint32(second))
    words = [mix(bits + tf.constant(i, tf.uint32)) for i in (1, 2, 3)]
    return tf.bitcast(tf.stack(words, axis=-1), tf.int32)


def mix(bits: Tensor) -> Tensor:
    """uint32 -> uint32: Wellons's lowbias32, as in `augment.draws`."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        bits = tf.bitwise.bitwise_xor(bits, shifted(bits, shift))
        bits = bits * tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(bits, shifted(bits, 16))


def shifted(bits: Tensor, places: int) -> Tensor:
    """To the right."""
    return tf.bitwise.right_shift(bits, tf.constant(places, tf.uint32))


def to_uint32(number: Tensor) -> Tensor:
    return tf.cast(number, tf.uint32)


def to_int64(number: Tensor) -> Tensor:
    return tf.cast(number, tf.int64)
