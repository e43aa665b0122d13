"""The learning rate that a published one becomes with another batch.

    linear:  rate * batch_size / base
    sqrt:    rate * sqrt(batch_size / base)
    none:    rate

Papers: linear for SGD (Goyal et al., arXiv 1706.02677); square root for Adam
and LAMB, whose steps do not grow with the gradient (arXiv 1904.00962). Acts on:
the learning rate. Cost: none. Hurts: batches beyond some thousand images: the
linear rule holds up to about 8,192 on ImageNet (the first paper's Figure 1).
"""

import math

LAWS = ("linear", "sqrt", "none")


def scaled(
    rate: float, batch_size: int, law: str = "linear", base: int = 256
) -> float:
    """The rate for batch_size images that is meant for `base` of them.

    Example:
        scaled(0.1, 1024)  # 0.4
        scaled(0.1, 1024, "sqrt")  # 0.2
    """
    if law not in LAWS:
        raise ValueError(
            f"law must be one of {', '.join(LAWS)}. Received: law={law}"
        )
    if batch_size < 1 or base < 1:
        raise ValueError(
            "batch_size and base must be at least 1. Received: "
            f"batch_size={batch_size}, base={base}"
        )
    if law == "none":
        return rate
    if law == "sqrt":
        return rate * math.sqrt(batch_size / base)
    return rate * batch_size / base
