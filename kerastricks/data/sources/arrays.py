"""Images in one NumPy file.

    np.savez("data.npz", x_train=…, y_train=…, x_val=…, y_val=…, class_names=…)

Images are uint8 [N, H, W, 3] or [N, H, W]; labels are whole numbers [N].
`x_test`/`y_test` serve as validation too; without either, --val_fraction
splits the training images. `class_names` is optional.
"""

import hashlib
import os
import zipfile
import zlib

import numpy as np
import tensorflow as tf

from kerastricks.data.sources.source import Source, split_off
from kerastricks.errors import InputError

Arrays = dict[str, np.ndarray]


def open_arrays(path: str, val_fraction: float, seed: int) -> dict[str, Source]:
    """The splits of an .npz file: train and val."""
    arrays = read_arrays(path)
    class_names = name_classes(arrays, path)
    train = array_source(arrays, "train", class_names, path)
    for split in ("val", "test"):
        if f"x_{split}" in arrays:
            val = array_source(arrays, split, class_names, path)
            return {"train": train, "val": val}
    rest, share = split_off(train, val_fraction, seed, path)
    return {"train": rest, "val": share}


def read_arrays(path: str) -> Arrays:
    """Every array of the file, the two of training among them."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("numpy.savez writes one")
            file.seek(0)
            arrays = dict(np.load(file, allow_pickle=False))
    except (
        OSError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(
            f"arrays: needs an .npz file ({error}). Received: {path}"
        ) from None
    if "y_train" not in arrays or "x_train" not in arrays:
        raise InputError(
            "the file must hold x_train and y_train. Received: "
            f"{', '.join(sorted(arrays)) or 'nothing'} in {path}"
        )
    return arrays


def name_classes(arrays: Arrays, path: str) -> tuple[str, ...]:
    """The file's class names, else the labels' numbers; all are trained on."""
    labels = labels_of(arrays, "train", path)
    used = np.unique(labels)
    count = int(used[-1]) + 1
    names: tuple[str, ...] = ()
    if "class_names" in arrays:
        names = tuple(arrays["class_names"].astype(str).reshape(-1).tolist())
        if len(names) < count:
            raise InputError(
                "class_names must name every label. Received: "
                f"{len(names)} names, highest label {count - 1} in {path}"
            )
        count = len(names)
    # The first of 0, 1, 2, ... that no image has.
    unused = int(np.argmin(np.append(used, -1) == np.arange(len(used) + 1)))
    if unused < count:
        raise InputError(
            "every class needs at least one image. Received: none with "
            f"label {unused} in y_train of {path}"
        )
    return names or tuple(str(label) for label in range(count))


def array_source(
    arrays: Arrays, split: str, class_names: tuple[str, ...], path: str
) -> Source:
    """One split as a source of pixels."""
    images = images_of(arrays, split, path)
    labels = labels_of(arrays, split, path)
    if labels.max() >= len(class_names):
        raise InputError(
            f"y_{split} must hold labels of y_train, which end at "
            f"{len(class_names) - 1}. Received: {labels.max()} in {path}"
        )
    with tf.device("CPU"):
        table = tf.constant(images)
    return Source(
        class_names=class_names,
        labels=labels,
        names=[f"x_{split}[{i}]" for i in range(len(images))],
        fetch=lambda index: tf.gather(table, index),
        encoded=False,
        natural_size=int(min(images.shape[1:3])),
        indices=np.arange(len(images)),
        stamp=hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()[
            :24
        ],
    )


def images_of(arrays: Arrays, split: str, path: str) -> np.ndarray:
    """A split's images, uint8 [N, H, W, 3]."""
    images = arrays[f"x_{split}"]
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=-1)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise InputError(
            "images must be uint8 [N, H, W, 3] or [N, H, W]. Received: "
            f"x_{split} {images.dtype} {list(images.shape)} in {path}"
        )
    return images


def labels_of(arrays: Arrays, split: str, path: str) -> np.ndarray:
    """A split's labels, int32 [N], as many as there are images."""
    labels = arrays.get(f"y_{split}", np.zeros(0, np.int32))
    if labels.shape[1:] == (1,):  # as Keras's CIFAR has them
        labels = labels[:, 0]
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise InputError(
            "labels must be whole numbers [N]. Received: "
            f"y_{split} {labels.dtype} {list(labels.shape)} in {path}"
        )
    count = len(np.atleast_1d(arrays[f"x_{split}"]))
    if len(labels) != count or not count:
        raise InputError(
            f"x_{split} needs as many labels in y_{split}, at least one. "
            f"Received: {count} images, {len(labels)} labels in {path}"
        )
    if labels.min() < 0:
        raise InputError(
            "labels must count from 0. Received: "
            f"{labels.min()} in y_{split} of {path}"
        )
    return labels.astype(np.int32)
