"""One run on several devices of a machine.

    gradient = sum over devices of the gradient of each one's part of the batch

Source: data parallelism with one sum a step (Goyal et al., arXiv 1706.02677).
Acts on: the step; weights and the optimizer's state are the same on every
device. Cost: the sum, which goes from device to device. Hurts: batch norm, if
the parts are small: each device measures its own part (`--sync_bn` measures all
of them; on JAX they are one batch anyway). The learning rate is for the whole
batch, which `--batch_size` says. Keras has both strategies and leaves to its
user what has to be built where.
"""

import contextlib
from typing import Any

from kerastricks.backend import device_names, spread


def across(devices: int) -> Any:
    """A context: what is built within learns on so many devices.

    Example:
        with across(2):
            learner = Learner(model(), [RandomFlip(), Normalize()])
            learner.compile(SGD(0.1))
            learner.fit(batches)
    """
    if devices == 1:
        return contextlib.nullcontext()
    return spread(device_names()[:devices])
