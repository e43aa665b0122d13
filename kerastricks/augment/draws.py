"""Random numbers that are functions of the samples' keys.

A counter-based integer hash in `keras.ops`: no state, the same bits on
TensorFlow (graph and XLA) and JAX, and a sample's draws depend on its own key
alone, not on the batch or the device that it lands on.

The mixing function is Wellons's lowbias32 (github.com/skeeto/hash-prospector),
whose avalanche bias is 0.17 of 1,000.
"""

import zlib
from typing import Any

import numpy as np
from keras import ops


def constant(number: int) -> Any:
    """A uint32; arithmetic on it wraps around."""
    return ops.convert_to_tensor(np.uint32(number & 0xFFFFFFFF))


def mix(bits: Any) -> Any:
    """uint32 -> uint32, every bit of the one depending on all of the other."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        bits = bits ^ ops.right_shift(bits, constant(shift))
        bits = bits * constant(factor)
    return bits ^ ops.right_shift(bits, constant(16))


def uniform(keys: Any, purpose: str, count: int = 1) -> Any:
    """float32 [B, count] in [0, 1), multiples of 2^-24.

    Args:
        keys: int32 [B, 2].
        purpose: what is drawn; other words give independent draws.
    """
    bits = ops.cast(keys, "uint32")
    bits = mix(bits[:, :1] ^ constant(zlib.crc32(purpose.encode())))
    bits = mix(bits + mix(ops.cast(keys, "uint32")[:, 1:]))
    steps = np.arange(1, count + 1, dtype=np.uint64) * 0x9E3779B9
    bits = mix(bits + ops.convert_to_tensor(steps.astype(np.uint32)[None]))
    return ops.cast(ops.right_shift(bits, constant(8)), "float32") * 2.0**-24


def permutation(keys: Any, purpose: str) -> Any:
    """A uniform permutation [B] of the batch's positions."""
    return ops.argsort(uniform(keys, purpose)[:, 0])


def counted_keys(count: Any, images: Any) -> Any:
    """Keys [B, 2] = (count, place) for batches that bring none."""
    places = ops.arange(ops.shape(images)[0], dtype="int32")
    counts = ops.cast(count, "int32") + ops.zeros_like(places)
    return ops.stack([counts, places], axis=1)


def order_of(keys: Any, purpose: str, count: int) -> Any:
    """int32 [B, count]: a uniform permutation of 0..count-1 for each sample.

    By counting how many draws are smaller, which compilers fuse; no sort.
    """
    drawn = uniform(keys, purpose, count)
    smaller = drawn[:, None, :] < drawn[:, :, None]
    # Of two equal draws the first counts as the smaller one.
    before = np.tril(np.ones((count, count), bool), -1)[None]
    equal = ops.logical_and(drawn[:, None, :] == drawn[:, :, None], before)
    return ops.sum(ops.cast(ops.logical_or(smaller, equal), "int32"), axis=-1)


def between(drawn: Any, low: Any, high: Any) -> Any:
    """Uniform draws stretched to [low, high)."""
    return low + drawn * (high - low)


def integers(drawn: Any, count: Any) -> Any:
    """Uniform draws as int32 in 0..count-1."""
    return ops.cast(ops.floor(drawn * ops.cast(count, "float32")), "int32")


def normal(keys: Any, purpose: str, count: int = 1) -> Any:
    """float32 [B, count] of N(0, 1), by Box and Muller; at most 5.8 in size."""
    drawn = uniform(keys, purpose, 2 * count)
    # 1 - u is in (0, 1], where the logarithm is finite.
    radius = ops.sqrt(-2 * ops.log(1 - drawn[:, :count]))
    return radius * ops.cos(2 * np.pi * drawn[:, count:])
