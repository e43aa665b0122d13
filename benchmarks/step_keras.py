"""The Keras contestants of step.py: ours, with and without tricks, and peers'.

Every step: logits, cross-entropy with label smoothing .1, gradients, SGD with
Nesterov's momentum and weight decay, on one batch that stays in memory.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from batch_norm import with_keras_batch_norm
from turns import NUM_CLASSES, Made, Settings, serve

from kerastricks import models
from kerastricks.augment import Normalize
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD, AdamW
from kerastricks.optimizers.clipping import Clip
from kerastricks.training import Distiller, Ema, Learner, Sam

JAX = keras.backend.backend() == "jax"
ON_CPU = os.environ.get("CUDA_VISIBLE_DEVICES") == "-1"
STEPS = 1 if ON_CPU else 20  # between two looks at the loss
RATE, MOMENTUM, DECAY, SMOOTHING = 0.01, 0.9, 1e-4, 0.1
TRICKS: dict[str, dict[str, Any]] = {
    "ema_clip_mask": {"average": Ema(0.999), "clip": Clip(1.0)},
    "agc": {"clip": Clip(0.01, "agc")},
    "adamw": {},
    "accumulate_2": {"accumulate": 2},
    "sam": {"sam": Sam(0.05)},
    "sam_every_10": {"sam": Sam(0.05, every=10)},
    "distill": {},
    "distill_twice": {},
}


def batch_of(settings: Settings, dtype: Any) -> tuple[Any, Any]:
    """(images, labels) on the device."""
    shape = (settings.batch, settings.size, settings.size, 3)
    images = np.random.RandomState(0).randint(0, 256, shape).astype(dtype)
    labels = np.arange(settings.batch, dtype=np.int32) % NUM_CLASSES
    return tuple(map(keras.ops.convert_to_tensor, (images, labels)))


def steps_of(model: keras.Model, batch: tuple[Any, Any]) -> Iterator[int]:
    """Keras's own compiled step, over and over."""
    model.optimizer.build(model.trainable_variables)
    model.make_train_function()
    batches = itertools.repeat(batch)
    run = jax_step(model) if JAX else model.train_function
    while True:
        for _ in range(STEPS):
            logs = run(batches)
        float(logs["loss"])
        yield STEPS * len(batch[1])


def jax_step(model: keras.Model) -> Callable[[Any], Any]:
    """With the state going in and coming out, as in Keras's `fit`."""
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple([each.value for each in group] for group in groups)

    def run(batches: Any) -> Any:
        nonlocal state
        logs, state = model.train_function(state, batches)
        return logs

    return run


def classes_of(name: str) -> int:
    return 10 if name == "resnet20" else 1000


def network(name: str, settings: Settings) -> keras.Model:
    return models.create(
        name,
        num_classes=classes_of(name),
        image_size=settings.size,
        dtype=settings.precision,
    )


def sgd(**options: Any) -> SGD:
    return SGD(
        RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY, **options
    )


def ours(name: str, settings: Settings, trick: str = "") -> Made:
    """As in a run: bytes in, normalised within the step."""
    model, augment = network(name, settings), [Normalize()]
    options = {"dtype": settings.precision, **TRICKS.get(trick, {})}
    optimizer = AdamW(1e-3) if trick == "adamw" else sgd()
    if trick == "ema_clip_mask":
        optimizer = sgd(no_bias_decay=True)
    if trick.startswith("distill"):
        count = 2 if trick == "distill_twice" else 1
        teachers = [network(name, settings) for _ in range(count)]
        learner = Distiller(model, augment, teachers=teachers, **options)
    else:
        learner = Learner(model, augment, **options)
    learner.compile(optimizer, SoftCrossEntropy(label_smoothing=SMOOTHING))
    return (
        f"kerastricks {name}, {keras.backend.backend()}, uint8 in, {trick}",
        steps_of(learner, batch_of(settings, np.uint8)),
    )


def compiled(model: keras.Model, settings: Settings) -> Iterator[int]:
    """A stock model as Keras's users compile it, float images in.

    On CPUs without XLA, which is slower there.
    """
    model.compile(
        keras.optimizers.SGD(
            RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY
        ),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=SMOOTHING
        ),
        jit_compile=not ON_CPU,
    )
    images, labels = batch_of(settings, np.float32)
    labels = keras.ops.one_hot(labels, model.output_shape[-1])
    return steps_of(model, (images / 128 - 1, labels))


def stock(name: str, settings: Settings) -> Made:
    """Our network with Keras's own batch norm, loss and optimizer."""
    return (
        f"the same {name} of stock Keras layers",
        compiled(with_keras_batch_norm(network(name, settings)), settings),
    )


def applications(settings: Settings) -> Made:
    keras.config.set_dtype_policy(settings.precision)
    model = keras.applications.ResNet50(
        weights=None, classifier_activation=None
    )
    return (
        "keras.applications.ResNet50: v1, 3.86 G, biases",
        compiled(model, settings),
    )


def keras_hub(settings: Settings) -> Made:
    import keras_hub

    keras.config.set_dtype_policy(settings.precision)
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[32, 32, 64],
        input_conv_kernel_sizes=[3, 3, 3],
        stackwise_num_filters=[64, 128, 256, 512],
        stackwise_num_blocks=[3, 4, 6, 3],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="bottleneck_block_vd",
    )
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    logits = keras.layers.Dense(1000, dtype="float32")(pooled)
    return (
        f"keras-hub {keras_hub.__version__} ResNet-vd-50",
        compiled(keras.Model(backbone.input, logits), settings),
    )


if __name__ == "__main__":
    makers: dict[str, Any] = {
        "resnet50_d/keras.applications": applications,
        "resnet50_d/keras_hub": keras_hub,
    }
    for name in ("resnet50_d", "resnet20"):
        makers[f"{name}/ours"] = lambda s, name=name: ours(name, s)
        makers[f"{name}/stock"] = lambda s, name=name: stock(name, s)
        for trick in TRICKS:
            makers[f"{name}/{trick}"] = lambda s, name=name, trick=trick: ours(
                name, s, trick
            )
    serve(makers, ["tensorflow", "jax", "keras", "keras_hub", "kerastricks"])
