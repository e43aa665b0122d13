"""Moving averages of gradients, for Adam and its kin.

m = b m + (1 - b) x         after t steps from 0 it is short by 1 - b^t
"""

import math
from typing import Any

from keras import ops


def moving(average: Any, value: Any, beta: Any) -> Any:
    """The average, one value later."""
    return average + (1 - beta) * (value - average)


def time(step: Any, like: Any) -> Any:
    """t = 1, 2, ... of step 0, 1, ..., as a number of the dtype of `like`."""
    return ops.cast(step, like.dtype) + 1


def correction(beta: Any, t: Any) -> Any:
    """1 - beta^t to the last digit.

    float32's .999 is off by 1e-8; of 1 - .999 that is 1e-5.
    """
    if not isinstance(beta, int | float):
        return -ops.expm1(t * ops.log(beta))
    if beta == 0:
        return ops.ones_like(t)
    return -ops.expm1(t * math.log(beta))
