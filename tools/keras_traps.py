"""python tools/keras_traps.py [NAME ...]

Measures what docs/faq.md says of Keras: a line for each trap, or for those that
are named. On TensorFlow, in half a minute.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers, losses, ops, optimizers  # noqa: E402

ONE = np.ones(1, "float32")


def weight_decay() -> str:
    """SGD(0.1, weight_decay=1), zero gradients, momentum or not."""
    weight = trained(optimizers.SGD(0.1, momentum=0.9, weight_decay=1.0), [0])
    return f"1 becomes {weight:.3f} in a step: rate times decay, beside it"


def momentum() -> str:
    """Ten steps with gradients of 1, the rate .1, then .01."""
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    weight, velocity = 1.0, 0.0
    for step in range(10):
        velocity = 0.9 * velocity + 1
        weight -= (0.1 if step < 5 else 0.01) * velocity
    rates = {5: 0.01}
    return (
        f"Keras {trained(optimizer, [1] * 10, rates):.3f}, torch {weight:.3f}"
    )


def trained(
    optimizer: Any, gradients: Sequence[float], rates: dict | None = None
) -> float:
    """A weight of 1 after these gradients."""
    weight = keras.Variable(ONE)
    optimizer.build([weight])
    for step, gradient in enumerate(gradients):
        if step in (rates or {}):
            optimizer.learning_rate = rates[step]
        optimizer.apply_gradients([(gradient * ops.ones(1), weight)])
    return float(weight.numpy()[0])


def exclusion() -> str:
    """A gamma of 1, excluded by the end of its name, at zero gradients."""
    norm = layers.BatchNormalization(name="bn")
    norm.build((None, 1))
    optimizer = optimizers.SGD(0.1, weight_decay=1.0)
    optimizer.exclude_from_weight_decay(var_names=["gamma$"])
    optimizer.build([norm.gamma])
    optimizer.apply_gradients([(ops.zeros(1), norm.gamma)])
    return f"1 becomes {float(norm.gamma.numpy()[0]):.3f}"


def average() -> str:
    """use_ema: what is averaged, and what is left after fit."""
    model = keras.Sequential(
        [keras.Input((4,)), layers.BatchNormalization(), layers.Dense(2)]
    )
    optimizer = optimizers.SGD(0.1, use_ema=True)
    model.compile(optimizer, "mse")
    x = np.random.RandomState(0).normal(3, 5, (32, 4))
    model.fit(x, np.zeros((32, 2)), batch_size=8, verbose=0)
    averages = optimizer._model_variables_moving_average
    same = np.allclose(model.layers[1].kernel, averages[2])
    return f"{len(averages)} of {len(model.weights)} averaged; put in: {same}"


def padding() -> str:
    """Corner of a 3x3 of ones at stride 2 on 0 .. 15."""
    image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    common = {"strides": 2, "use_bias": False, "kernel_initializer": "ones"}
    same = layers.Conv2D(1, 3, padding="same", **common)(image)
    torch = layers.Conv2D(1, 3, **common)(layers.ZeroPadding2D(1)(image))
    return (
        f"same {same[0, 0, 0, 0]:.0f}, torch's padding {torch[0, 0, 0, 0]:.0f}"
    )


def mixup() -> str:
    """Weights in a batch of 64."""
    out = mixed(layers.MixUp(alpha=0.2, seed=1), 64, 8)
    weights = np.round(ops.convert_to_numpy(out["labels"]).max(axis=1), 3)
    return f"{np.unique(weights).size} different ones"


def mixed(layer: Any, count: int, side: int) -> Any:
    """Of images that hold their own number, and their one-hot labels."""
    images = np.zeros((count, side, side, 3), "float32")
    images += np.arange(count)[:, None, None, None]
    labels = np.eye(count, dtype="float32")
    return layer({"images": images, "labels": labels}, training=True)


def cutmix() -> str:
    """factor=1 on 40 batches of 32."""
    pasted, wrong = [], []
    for seed in range(40):
        out = mixed(layers.CutMix(factor=1.0, seed=seed), 32, 32)
        images, labels = (
            ops.convert_to_numpy(out[n]) for n in ("images", "labels")
        )
        for i in range(32):
            own = (images[i, :, :, 0] == i).mean()
            pasted.append(1 - own)
            wrong.append(abs(labels[i, i] - own))
    return (
        f"pasted {np.mean(pasted):.3f}; |label - pixels| "
        f"{np.mean(wrong):.4f}, at most {np.max(wrong):.4f}"
    )


def cutmix_float16() -> str:
    """At 288 pixels."""
    labels = mixed(layers.CutMix(dtype="mixed_float16"), 4, 288)["labels"]
    return (
        f"labels are NaN: {bool(np.isnan(ops.convert_to_numpy(labels)).any())}"
    )


def xla() -> str:
    """Layers that say they support XLA and are refused by it."""
    refused = []
    for make in (layers.MixUp, layers.CutMix, layers.RandAugment):
        layer = make()

        def call(images: Any, layer: Any = layer) -> Any:
            given = {"images": images, "labels": tf.eye(4)}
            return layer(given, training=True)

        images = tf.zeros((4, 8, 8, 3))
        tf.function(call)(images)  # works without XLA
        try:
            tf.function(call, jit_compile=True)(images)
        except tf.errors.InvalidArgumentError:
            refused += [make.__name__] * layer.supports_jit
    return ", ".join(refused) or "none"


def erasing() -> str:
    """Share of images erased by RandomErasing."""
    shares = []
    for factor in (1.0, (1.0, 1.0)):
        hit = 0
        for seed in range(30):
            layer = layers.RandomErasing(factor, fill_value=0.0, seed=seed)
            images = np.full((32, 32, 32, 3), 100.0, "float32")
            out = ops.convert_to_numpy(layer(images, training=True))
            hit += (out == 0).any(axis=(1, 2, 3)).sum()
        shares.append(f"factor {factor}: {hit / 960:.2f}")
    return ", ".join(shares)


def random_crop() -> str:
    """Places in a batch of 8."""
    image = np.arange(1024, dtype="float32").reshape(1, 32, 32, 1)
    out = layers.RandomCrop(8, 8)(image.repeat(8, axis=0), training=True)
    return f"{np.unique(ops.convert_to_numpy(out)[:, 0, 0, 0]).size}"


def randaugment() -> str:
    """Batches of 16 in which all images, or none, are changed."""
    one = np.random.RandomState(0).randint(0, 255, (1, 16, 16, 3))
    images, alike = one.astype("float32").repeat(16, axis=0), 0
    for seed in range(20):
        layer = layers.RandAugment(num_ops=1, factor=0.5, seed=seed)
        out = ops.convert_to_numpy(layer(images, training=True))
        changed = np.abs(out - images).max(axis=(1, 2, 3)) > 1e-3
        alike += changed.all() or not changed.any()
    return f"{alike} of 20"


def distillation() -> str:
    """LogitsDistillation(temperature=3) of random logits."""
    from keras.distillation import LogitsDistillation

    teacher, student = np.random.RandomState(0).normal(0, 3, (2, 16, 10))
    p, q = (np.asarray(ops.softmax(z / 3)) for z in (teacher, student))
    right = 9 * (p * np.log(p / q)).sum(axis=1).mean()
    made = [
        LogitsDistillation(temperature=3.0),
        LogitsDistillation(temperature=3.0, loss=losses.KLDivergence()),
    ]
    default, given = (float(m.compute_loss(teacher, student)) for m in made)
    return f"default {default:.2f}, loss given {given:.2f}, T^2 KL {right:.2f}"


def cosine_warmup() -> str:
    """CosineDecay(0, 100, warmup_target=.1, warmup_steps=10)."""
    rate = optimizers.schedules.CosineDecay(
        0.0, 100, warmup_target=0.1, warmup_steps=10
    )
    at = {step: round(float(rate(step)), 3) for step in (0, 1, 10, 110)}
    return f"rates {at}"


def accumulation() -> str:
    """Steps that a schedule is asked for in 4 micro-batches of 2 steps."""
    asked = []

    class Spy(optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> float:
            asked.append(int(step))
            return 0.1

    trained(optimizers.SGD(Spy(), gradient_accumulation_steps=2), [1] * 4)
    return f"{asked}"


def backup() -> str:
    """2 epochs of 8 batches with BackupAndRestore(save_freq=1), cut at 11."""
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        for cut in (11, None):
            model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
            model.compile("sgd", "mse")
            calls = [keras.callbacks.BackupAndRestore(folder, save_freq=1)]
            calls += [Cut(cut)] if cut else []
            try:
                model.fit(
                    np.zeros((64, 2)),
                    np.zeros((64, 1)),
                    batch_size=8,
                    epochs=2,
                    verbose=0,
                    callbacks=calls,
                )
            except InterruptedError:
                pass
            done = int(model.optimizer.iterations)
    return f"{done} steps instead of 16"


class Cut(keras.callbacks.Callback):
    """A kill after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if int(self.model.optimizer.iterations) >= self.steps:
            raise InterruptedError


def seeds() -> str:
    """What .weights.h5 has of a dropout's seed."""
    model = keras.Sequential([keras.Input((4,)), layers.Dropout(0.5, seed=1)])
    return f"{len(model.variables)} variable, {len(model.weights)} weights"


def beta() -> str:
    """keras.random.beta(.001, .001) on TensorFlow."""
    draws = ops.convert_to_numpy(
        keras.random.beta((100_000,), 1e-3, 1e-3, seed=1)
    )
    return f"{(draws == 0.5).mean():.0%} are exactly .5"


def defaults() -> str:
    """Of the numbers that most often differ."""
    norm = layers.BatchNormalization()
    return (
        f"batch norm {norm.momentum}, {norm.epsilon}; "
        f"Adam's epsilon {optimizers.Adam().epsilon}; "
        f"AdamW's decay {optimizers.AdamW().weight_decay}; "
        f"Resizing antialiased {layers.Resizing(8, 8).antialias}"
    )


def boundary() -> str:
    """PiecewiseConstantDecay([10], [1, .1]) at steps 10 and 11."""
    rate = optimizers.schedules.PiecewiseConstantDecay([10], [1.0, 0.1])
    return f"{float(rate(10)):.1f}, {float(rate(11)):.1f}"


def l2() -> str:
    """Gradient of regularizers.L2(.5) at a weight of 2."""
    weight = tf.Variable([2.0])
    with tf.GradientTape() as tape:
        loss = keras.regularizers.L2(0.5)(weight)
    return f"{float(tape.gradient(loss, weight)[0]):.1f}"


def augmentation_policy() -> str:
    """What Rescaling gives under mixed_float16."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return str(layers.Rescaling(1 / 255)(np.ones((1, 2, 2, 3))).dtype.name)
    finally:
        keras.config.set_dtype_policy(before)


TRAPS: tuple[Callable[[], str], ...] = (
    *(weight_decay, momentum, exclusion, l2, average, accumulation),
    *(cosine_warmup, boundary, defaults, padding, mixup, cutmix),
    *(cutmix_float16, xla, randaugment, erasing, random_crop, beta),
    *(distillation, backup, seeds, augmentation_policy),
)


def main() -> None:
    """Prints the lines."""
    print(f"keras {keras.__version__}, tensorflow {tf.__version__}")
    for trap in TRAPS:
        if not sys.argv[1:] or trap.__name__ in sys.argv[1:]:
            print(f"{trap.__name__:<20} {trap()}", flush=True)


if __name__ == "__main__":
    main()
