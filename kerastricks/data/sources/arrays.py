"""Images in one NumPy file.

    np.savez("data.npz", x_train=…, y_train=…, x_val=…, y_val=…, class_names=…)

Images are uint8 [N, H, W, 3] or [N, H, W]; labels are whole numbers [N].
`x_test`/`y_test` serve as validation too; without either, --val_fraction
splits the training images. `class_names` is optional.
"""

import zipfile

import numpy as np
import tensorflow as tf

from kerastricks.data.sources.source import Source, split_off
from kerastricks.errors import InputError


def open_arrays(path: str, val_fraction: float, seed: int) -> dict[str, Source]:
    """The splits of an .npz file: train and val."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"arrays: needs an .npz file ({error}). Received: {path}"
        ) from None
    class_names = name_classes(arrays, path)
    train = array_source(arrays, "train", class_names, path)
    for split in ("val", "test"):
        if f"x_{split}" in arrays:
            val = array_source(arrays, split, class_names, path)
            return {"train": train, "val": val}
    if val_fraction <= 0:
        raise InputError(
            "arrays without x_val or x_test need a val_fraction above 0. "
            f"Received: val_fraction={val_fraction}, {path}"
        )
    rest, share = split_off(train, val_fraction, seed)
    return {"train": rest, "val": share}


def name_classes(arrays: dict[str, np.ndarray], path: str) -> tuple[str, ...]:
    """The file's class names, else the labels' numbers."""
    if "y_train" not in arrays or "x_train" not in arrays:
        raise InputError(
            "the file must hold x_train and y_train. Received: "
            f"{', '.join(sorted(arrays)) or 'nothing'} in {path}"
        )
    count = int(arrays["y_train"].max()) + 1
    if "class_names" not in arrays:
        return tuple(str(label) for label in range(count))
    names = tuple(str(name) for name in arrays["class_names"])
    if len(names) < count:
        raise InputError(
            "class_names must name every label. Received: "
            f"{len(names)} names, highest label {count - 1} in {path}"
        )
    return names


def array_source(
    arrays: dict[str, np.ndarray],
    split: str,
    class_names: tuple[str, ...],
    path: str,
) -> Source:
    """One split as a source of pixels."""
    images, labels = arrays[f"x_{split}"], arrays.get(f"y_{split}")
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=-1)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise InputError(
            "images must be uint8 [N, H, W, 3] or [N, H, W]. Received: "
            f"x_{split} {images.dtype} {list(images.shape)} in {path}"
        )
    if labels is None or len(labels) != len(images) or not len(images):
        raise InputError(
            f"x_{split} needs as many labels in y_{split}, at least one. "
            f"Received: {len(images)} images, "
            f"{0 if labels is None else len(labels)} labels in {path}"
        )
    labels = check_labels(labels, split, len(class_names), path)
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
    )


def check_labels(
    labels: np.ndarray, split: str, num_classes: int, path: str
) -> np.ndarray:
    """Whole numbers below the number of classes, all of them in training."""
    labels = np.asarray(labels).reshape(-1)
    if labels.dtype.kind not in "iu" or not (
        0 <= labels.min() and labels.max() < num_classes
    ):
        raise InputError(
            f"labels must be whole numbers in [0, {num_classes - 1}]. "
            f"Received: y_{split} {labels.dtype} in "
            f"[{labels.min()}, {labels.max()}] in {path}"
        )
    if split == "train":
        missing = np.setdiff1d(np.arange(num_classes), labels)
        if len(missing):
            raise InputError(
                "every class needs at least one image. Received: none with "
                f"label {missing[0]} in y_train of {path}"
            )
    return labels.astype(np.int32)
