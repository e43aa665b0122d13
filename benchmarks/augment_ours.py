"""Our batch stage, on either backend of Keras.

TensorFlow is imported only where it is the backend. augment.py imports this for
the tricks one by one, and runs it as the contestant that is ours.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from in_process import Work
from turns import NUM_CLASSES, Made, Settings, serve

from kerastricks.augment import (
    Augment,
    BatchTrick,
    ColorJitter,
    CutMix,
    MixSwitch,
    MixUp,
    Normalize,
    PcaNoise,
    RandomErasing,
    RandomFlip,
    RandomGrayscale,
)

Tensor = Any
JAX = keras.backend.backend() == "jax"
KEYS = 64  # batches until draws repeat
BEFORE: list[BatchTrick] = [
    RandomFlip(),
    ColorJitter(0.4, 0.4, 0.4, hue=0.1),
    RandomGrayscale(0.1),
    PcaNoise(0.1),
]
MIXERS = (MixUp(0.2), CutMix(1.0))
EVERYTHING = [*BEFORE, Normalize(), RandomErasing(0.25), MixSwitch(MIXERS)]


def combinations() -> dict[str, list[BatchTrick]]:
    """Normalize alone, with each trick, and everything."""
    before = {type(each).__name__: [each, Normalize()] for each in BEFORE}
    after = {
        type(each).__name__: [Normalize(), each]
        for each in (RandomErasing(0.25), *MIXERS)
    }
    return {
        "Normalize": [Normalize()],
        **before,
        **after,
        "everything": EVERYTHING,
    }


def random_images(batch: int, size: int) -> np.ndarray:
    """uint8 [B, H, W, 3]."""
    shape = (batch, size, size, 3)
    return np.random.RandomState(0).randint(0, 256, shape, np.uint8)


def one_hot_labels(batch: int) -> np.ndarray:
    """float32 [B, C]."""
    places = np.arange(batch) % NUM_CLASSES
    return np.eye(NUM_CLASSES, dtype=np.float32)[places]


def wait_for(outputs: Any) -> None:
    """Until they have been computed."""
    if JAX:
        import jax

        jax.block_until_ready(outputs)
    else:
        import tensorflow as tf

        tf.test.experimental.sync_devices()


def device() -> str:
    """What the backend computes on."""
    if JAX:
        import jax

        first = jax.devices()[0]
        return "cpu" if first.platform == "cpu" else first.device_kind
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "cpu"
    details = tf.config.experimental.get_device_details(gpus[0])
    return details.get("device_name", "gpu")


def stage(
    tricks: list[BatchTrick], batch: int, size: int
) -> Callable[[], tuple[Tensor, Tensor]]:
    """What gives the next augmented batch."""
    images, labels = map(
        keras.ops.convert_to_tensor,
        (random_images(batch, size), one_hot_labels(batch)),
    )
    places = np.arange(batch)
    keys = itertools.cycle(
        keras.ops.convert_to_tensor(
            np.stack([np.full(batch, step), places], 1).astype(np.int32)
        )
        for step in range(KEYS)
    )
    augment = Augment(tricks)
    return lambda: augment(images, labels, next(keys))


def stages(batch: int, size: int) -> dict[str, Work]:
    """Of every combination."""

    def work_of(tricks: list[BatchTrick]) -> Work:
        run = stage(tricks, batch, size)

        def work(times: int) -> None:
            for _ in range(times):
                outputs = run()
            wait_for(outputs)

        return work

    return {name: work_of(tricks) for name, tricks in combinations().items()}


def stage_ours(settings: Settings) -> Made:
    run = stage(EVERYTHING, settings.batch, settings.size)

    def sizes() -> Iterator[int]:
        while True:
            outputs = run()
            wait_for(outputs)
            yield int(outputs[1].shape[0])

    names = ", ".join(type(trick).__name__ for trick in EVERYTHING)
    backend = keras.backend.backend()
    return f"{names}; compiled, {backend}, float32", sizes()


if __name__ == "__main__":
    serve(
        {"stage/ours": stage_ours},
        ["tensorflow", "jax", "keras", "numpy", "kerastricks"],
    )
