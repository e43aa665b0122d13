"""One training step with FusedBatchNorm beside Keras's layer, in turns.

    KERAS_BACKEND=tensorflow python benchmarks/batch_norm.py

Prints, for each precision, images per second of both and the median of the
ratios of neighbouring turns. Run it on an otherwise idle machine.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import keras
import numpy as np

from kerastricks import models
from kerastricks.layers import FusedBatchNorm
from kerastricks.optimizers import SGD
from kerastricks.training import Learner

TURNS = 7


def with_keras_batch_norm(model: keras.Model) -> keras.Model:
    """The same network with Keras's own layer."""

    def swap(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, FusedBatchNorm):
            return keras.layers.BatchNormalization.from_config(config)
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=swap)


def step_of(
    model: keras.Model, precision: str, images: np.ndarray
) -> Callable[[], None]:
    """A compiled training step, compiled already."""
    learner = Learner(model, dtype=precision)
    learner.compile(SGD(0.01, momentum=0.9))
    labels = np.arange(len(images)) % learner.num_classes

    def step() -> None:
        learner.train_on_batch(images, labels)

    step()
    return step


def seconds(step: Callable[[], None], steps: int = 3) -> float:
    """Of one step, the mean of a few."""
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - began) / steps


def main() -> None:
    """Prints a line for each precision."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="resnet18_d")
    parser.add_argument("--image_size", type=int, default=128)
    parser.add_argument("--batch_size", type=int, default=16)
    args = parser.parse_args()
    shape = (args.batch_size, args.image_size, args.image_size, 3)
    images = np.random.RandomState(0).randint(0, 256, shape, np.uint8)
    for precision in ("float32", "mixed_bfloat16"):
        ours = models.create(args.model, num_classes=10, dtype=precision)
        steps = [
            step_of(model, precision, images)
            for model in (ours, with_keras_batch_norm(ours))
        ]
        turns = [[seconds(step) for step in steps] for _ in range(TURNS)]
        fused, keras_own = (
            args.batch_size / statistics.median(times)
            for times in zip(*turns, strict=True)
        )
        ratio = statistics.median(other / own for own, other in turns)
        print(
            f"{args.model} {args.image_size} px, batch {args.batch_size}, "
            f"{precision}: fused {fused:.1f}, Keras {keras_own:.1f} img/s, "
            f"{ratio:.2f}x"
        )


if __name__ == "__main__":
    main()
