"""`evaluation.averaging` in a graph: views' logits to probabilities.

    together = what evaluation makes of the views: logits
    probabilities = softmax(together / temperature), or the sigmoid

The temperature comes last, so that the best class is the one that was measured.
"""

import math
from typing import Any

import tensorflow as tf

from kerastricks.evaluation.tta import Tta

Tensor = Any


def combined(
    logits: list[Tensor],
    tta: Tta,
    multi_label: bool,
    temperature: float = 1.0,
) -> Tensor:
    """float32 [N, C].

    Args:
        logits: [N, C] of each view.
        multi_label: whether each class has a sigmoid of its own.
        temperature: what the combination's logits are divided by.
    """
    views_of_sigmoids = multi_label and len(logits) > 1
    if views_of_sigmoids and (tta.of, tta.by) == ("probabilities", "mean"):
        # Each class as two, yes and no, whose logit is 0. The difference of
        # their logarithms would be the logit, but int8 loses it.
        sides = [tf.stack([z, tf.zeros_like(z)], axis=-1) for z in logits]
        mean = log_mean([tf.nn.log_softmax(side) for side in sides], tta)
        return tf.nn.softmax(mean / temperature)[..., 0]
    activation = tf.nn.sigmoid if multi_label else tf.nn.softmax
    return activation(together(logits, tta, multi_label) / temperature)


def together(logits: list[Tensor], tta: Tta, multi_label: bool) -> Tensor:
    """Logits [N, C] whose softmax (sigmoid) is the views' combination."""
    if len(logits) == 1:
        return logits[0]
    # The highest logit has the highest sigmoid; of softmaxes that is not so.
    if tta.of == "probabilities" and not multi_label:
        logits = [tf.nn.log_softmax(z) for z in logits]
        if tta.by == "mean":
            return log_mean(logits, tta)
    if tta.by == "max":
        return tf.reduce_max(tf.stack(logits), axis=0)
    weights = tf.constant(tta.weights, logits[0].dtype)
    return tf.tensordot(weights, tf.stack(logits), axes=1)


def log_mean(logs: list[Tensor], tta: Tta) -> Tensor:
    """`log sum_v w_v exp(l_v)`; in log space no probability is lost."""
    pairs = zip(logs, tta.weights, strict=True)
    parts = [part + math.log(weight) for part, weight in pairs if weight]
    table = tf.stack(parts)
    highest = tf.reduce_max(table, axis=0)
    powers = tf.exp(table - highest)
    return highest + tf.math.log(tf.reduce_sum(powers, axis=0))
