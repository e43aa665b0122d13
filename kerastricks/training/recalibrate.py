"""Batch norm's statistics anew, for weights that no batch was trained with.

    mean = 1/N sum_n mean of batch n,   variance likewise, over N batches

Source: torch.optim.swa_utils.update_bn; Izmailov et al., arXiv 1803.05407. Acts
on: moving means and variances; nothing else changes. Cost: N forward passes.
Needed by averaged weights (EMA, SWA), by weights that were loaded into other
layers, and after other image sizes or augmentations. Variances are biased ones,
as Keras keeps them; torch's are larger by n / (n - 1). Hurts: too few batches,
whose statistics are noise.
"""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops


class Pass(keras.Model):
    """The network in training, where Keras compiles a prediction."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self.network = network

    def call(self, images: Any) -> Any:
        return self.network(images, training=True)


def recalibrate(
    model: keras.Model, batches: Iterable[Any], steps: int | None = None
) -> int:
    """How many batch norms have new statistics; 0: the model has none.

    Frozen ones keep theirs. Dropout and its like act as in training.

    Args:
        batches: of images [B, H, W, 3], normalised; all equally large, for all
            of them count the same.
        steps: how many; None: all.

    Example:
        recalibrate(learner.model, images, steps=100)
    """
    return Recalibration(model)(batches, steps)


class Recalibration:
    """The same, of one model again and again; compiled once."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.run = Pass(model)
        self.norms: list[Any] = []

    def __call__(self, batches: Iterable[Any], steps: int | None = None) -> int:
        """As `recalibrate`."""
        norms = [
            layer
            for layer in self.model._flatten_layers()
            if isinstance(layer, keras.layers.BatchNormalization)
            and layer.trainable
        ]
        if norms != self.norms:  # what is compiled has others frozen
            self.run.predict_function = None
            self.norms = norms
        moving = [
            weight
            for layer in self.norms
            for weight in (layer.moving_mean, layer.moving_variance)
        ]
        if moving:
            with everything_else_kept(self.model, self.norms):
                cut = itertools.islice(batches, steps)
                found = means(self.run, cut, moving)
            for weight, value in zip(moving, found, strict=True):
                weight.assign(value.astype(weight.dtype))
        return len(self.norms)


@contextmanager
def everything_else_kept(
    model: keras.Model, norms: list[Any]
) -> Iterator[None]:
    """In here moving statistics are those of the last batch."""
    momenta = [layer.momentum for layer in norms]
    kept = model.non_trainable_variables
    values = [ops.convert_to_numpy(weight) for weight in kept]
    try:
        for layer in norms:
            layer.momentum = 0.0
        yield
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
        for weight, value in zip(kept, values, strict=True):
            weight.assign(value)


def means(
    run: Pass, batches: Iterable[Any], weights: list[Any]
) -> list[np.ndarray]:
    """Of what the weights are after each batch; float64, on the host."""
    total = [np.zeros(weight.shape) for weight in weights]
    count = 0
    for images in batches:
        run.predict_on_batch(images)
        count += 1
        for place, weight in enumerate(weights):
            total[place] += ops.convert_to_numpy(weight)
    if not count:
        raise ValueError(
            "statistics need at least one batch. Received: 0 batches"
        )
    return [value / count for value in total]
