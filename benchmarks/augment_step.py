"""The training step with all batch tricks, and with none.

On either backend of Keras; TensorFlow is imported only where it is the backend.
"""

import argparse
import itertools
from typing import Any

import keras
import numpy as np
from augment_ours import EVERYTHING, JAX, device, random_images, wait_for
from in_process import Work
from step_keras import jax_step
from turns import NUM_CLASSES

from kerastricks import models
from kerastricks.augment import BatchTrick, Normalize
from kerastricks.hardware import choose_precision
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.training import Learner


def learner_of(
    args: argparse.Namespace, tricks: list[BatchTrick], precision: str
) -> Learner:
    """Compiled as in a run."""
    model = models.create(
        args.model,
        num_classes=1000,
        image_size=args.image_size,
        seed=0,
        dtype=precision,
    )
    learner = Learner(model, tricks, dtype=precision)
    learner.compile(
        SGD(0.01, momentum=0.9, nesterov=True, weight_decay=1e-4),
        SoftCrossEntropy(label_smoothing=0.1),
    )
    learner.optimizer.build(learner.trainable_variables)
    learner.make_train_function()
    return learner


def step_of(learner: Learner, batch: int, size: int) -> Work:
    """Keras's own compiled step, on a batch that is on the device already.

    Batches bring no keys, so that draws follow the number of the step.
    """
    labels = np.arange(batch, dtype=np.int32) % NUM_CLASSES
    batches = itertools.repeat(
        tuple(
            map(
                keras.ops.convert_to_tensor,
                (random_images(batch, size), labels),
            )
        )
    )
    run = jax_step(learner) if JAX else learner.train_function

    def work(times: int) -> None:
        for _ in range(times):
            outputs = run(batches)
        wait_for(outputs)

    return work


def steps(args: argparse.Namespace) -> tuple[dict[str, Work], dict[str, Any]]:
    """(the step without tricks and with all of them, what it is)."""
    precision = choose_precision(args.precision)
    batch = args.batch_size or (16 if device() == "cpu" else 128)
    works = {}
    for name, tricks in (
        ("nothing on", [Normalize()]),
        ("everything on", EVERYTHING),
    ):
        learner = learner_of(args, tricks, precision)
        works[name] = step_of(learner, batch, args.image_size)
    return works, {
        "model": args.model,
        "precision": precision,
        "batch_size": batch,
        "image_size": args.image_size,
        "jit_compile": learner.jit_compile,
    }
