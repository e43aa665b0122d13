"""Cosine decay.

    lr(t) = end + (peak - end) * (1 + cos(pi * t / steps)) / 2,   t = 0, 1, ...

Papers: Loshchilov & Hutter, arXiv 1608.03983; without restarts: arXiv
1812.01187, section 5.1. Past the last step it stays at `end`. Acts on: the
whole run. Cost: none. Hurts: a run that is stopped before its end, whose rate
has not come down.
"""

import math
from typing import Any

import keras
from keras import ops

from kerastricks.schedules.decay import Decay


def half_cosine(done: Any) -> Any:
    """1 at done = 0, 1/2 in the middle, 0 at done = 1."""
    return 0.5 * (1 + ops.cos(math.pi * done))


@keras.saving.register_keras_serializable("kerastricks")
class Cosine(Decay):
    """From `peak` to `end` in `steps` steps along half a cosine.

    Example:
        Cosine(0.4, steps=1000)(500)  # 0.2
    """

    def share(self, done: Any) -> Any:
        return half_cosine(done)
