"""kerastricks's batch tricks as a contestant."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from conformance.adaptor import Adaptor, Apply, Contestant, one_by_one
from conformance.laws_place import sampled
from kerastricks import augment
from kerastricks.data.crop import random_resized_crop_box


def versions() -> dict[str, str]:
    return {"keras": keras.__version__, "tensorflow": tf.__version__}


def seed() -> None:
    """The keys are the seeds."""


def keys_of(call: int, batch: int) -> np.ndarray:
    """int32 [B, 2]: by sample, the lowest bit of the second by epoch."""
    random = np.random.default_rng(call)
    keys = random.integers(-(2**31), 2**31, (batch, 2))
    return keys.astype(np.int32)


def keys_of_epochs(call: int, batch: int) -> np.ndarray:
    """The same but for the lowest bit, which turns over."""
    keys = keys_of(0, batch)
    keys[:, 1] ^= call & 1
    return keys


def trick(
    trick: augment.BatchTrick,
    keys: Callable[[int, int], np.ndarray] = keys_of,
) -> Apply:
    """Calls have keys of their own."""
    calls = 0
    tricks = augment.Augment([trick])

    def apply(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        nonlocal calls
        calls += 1
        found = tricks(images, labels, keys(calls, len(images)))
        return tuple(np.asarray(each) for each in found)

    return apply


def crop() -> Apply:
    calls = 0
    box_of = tf.function(random_resized_crop_box)

    def change(image: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        box = box_of(*image.shape[:2], tf.constant([calls, 0]))
        return sampled(image, *box.numpy())

    return one_by_one(change)


def adaptor(setting: str) -> Adaptor:
    """What a user would write, made by Python itself."""
    return Adaptor(setting, lambda: trick(eval(setting, vars(augment).copy())))


CONTESTANT: Contestant = {
    "mixup": adaptor("MixUp(0.2)"),
    "mixup: per sample": adaptor("MixUp(0.2, per='sample')"),
    "cutmix": adaptor("CutMix(1.0)"),
    "cutmix: per sample": adaptor("CutMix(1.0, per='sample')"),
    "cutmix in float16": adaptor("CutMix(1.0)"),
    "ricap": adaptor("Ricap(0.3)"),
    "switch": adaptor("MixSwitch((MixUp(1.0), CutMix(1.0)), rate=0.8)"),
    "cutout": adaptor("Cutout(16)"),
    "random erasing": adaptor("RandomErasing(0.5)"),
    "random erasing: law paper": adaptor("RandomErasing(0.5, law='paper')"),
    "grid mask": adaptor("GridMask(0.8)"),
    "hide and seek": adaptor("HideAndSeek(0.5)"),
    "brightness": adaptor("ColorJitter(0.4, 0, 0)"),
    "contrast": adaptor("ColorJitter(0, 0.4, 0)"),
    "saturation": adaptor("ColorJitter(0, 0, 0.4)"),
    "hue": adaptor("ColorJitter(0, 0, 0, hue=0.1)"),
    "order": adaptor("ColorJitter(0.8, 0.8, 0)"),
    "order: by steps": adaptor("ColorJitter(0.8, 0.8, 0, clip='step')"),
    "grayscale": adaptor("RandomGrayscale(0.2)"),
    "pca noise": adaptor("PcaNoise(0.1)"),
    "normalize": adaptor("Normalize()"),
    "flip": adaptor("RandomFlip()"),
    "alternating flip": Adaptor(
        "RandomFlip(alternate=True)",
        lambda: trick(augment.RandomFlip(alternate=True), keys_of_epochs),
    ),
    "translate": adaptor("RandomTranslate(4)"),
    "translate: zeros": adaptor("RandomTranslate(4, fill='zeros')"),
    "blur": adaptor("GaussianBlur(kernel_size=23)"),
    "crop": Adaptor("random_resized_crop_box(height, width, key)", crop),
}
