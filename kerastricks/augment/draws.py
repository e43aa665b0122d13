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


def batch_uniform(keys: Any, purpose: str) -> Any:
    """One draw for the whole batch, from the key of its first sample."""
    return uniform(keys[:1], purpose)[0, 0]


def permutation(keys: Any, purpose: str) -> Any:
    """A uniform permutation [B] of the batch's positions."""
    return ops.argsort(uniform(keys, purpose)[:, 0])
