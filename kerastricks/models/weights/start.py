"""A model's weights from a file: ours, or one of torch's.

Another number of classes leaves the head as it is; anything else that differs
is refused, with what it is, before anything is assigned.
"""

import pathlib
import tempfile
from typing import Any

import h5py
import keras

from kerastricks.errors import InputError
from kerastricks.models.weights.tensor_files import SUFFIXES, read_tensors
from kerastricks.models.weights.torch_weights import (
    Copied,
    head_differs,
    load_torch_weights,
    refuse,
)

OURS = ".weights.h5"
# State of random layers, which says nothing about what was learned.
RANDOM = "/seed_generator/"


def init_from(model: keras.Model, path: str | pathlib.Path) -> list[str]:
    """Assigns what the file holds; what came of it in words.

    Args:
        path: .weights.h5 as `save_weights` or a run writes it, or .safetensors,
            .pth, .pt, .bin, .tar with the names of timm and torchvision.

    Example:
        print(*init_from(model, "runs/imagenet/best.weights.h5"), sep="\\n")
    """
    return copy_from(model, path).lines(str(path))


def copy_from(model: keras.Model, path: str | pathlib.Path) -> Copied:
    """The same; what came of it in numbers."""
    path = pathlib.Path(path).expanduser()
    if path.suffix in SUFFIXES:
        return load_torch_weights(model, read_tensors(path))
    if not path.name.endswith(OURS):
        raise InputError(
            f"init_weights must end in {OURS} or one of "
            f"{', '.join(SUFFIXES)}; `imagenet` is for keras:NAME and "
            f"keras_hub:PRESET. Received: init_weights={path}"
        )
    if not path.is_file():
        raise InputError(
            "init_weights must be a file that exists. "
            f"Received: init_weights={path}"
        )
    return load_ours(model, path)


def load_ours(model: keras.Model, path: pathlib.Path) -> Copied:
    """Through a file of the model itself, which shows Keras's layout.

    Keras names layers by class and count, in a way that only its private
    functions know; so the model is saved, and loaded with the other's values.
    """
    with tempfile.TemporaryDirectory() as folder:
        own_file = pathlib.Path(folder, f"model{OURS}")
        model.save_weights(own_file)
        with h5py.File(own_file, "r+") as own, open_h5(path) as given:
            copied = replace(model, datasets(own), datasets(given))
        model.load_weights(own_file)
    return copied


def renew_head(model: keras.Model) -> None:
    """Draws the last layer's weights anew, by its own initializers."""
    head = [layer for layer in model.layers if layer.weights][-1]
    for name in ("kernel", "bias"):
        weight = getattr(head, name, None)
        if weight is not None:
            draw = getattr(head, f"{name}_initializer")
            weight.assign(draw(weight.shape, dtype=weight.dtype))


def open_h5(path: pathlib.Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"the file is no whole HDF5 file ({error}). Received: {path}"
        ) from None


def datasets(file: h5py.File) -> dict[str, Any]:
    """Every array of a file by its path; links out of it are not followed."""
    found = {}

    def visit(path: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or RANDOM in path:
            return
        if item.external or item.is_virtual:
            raise InputError(
                "weights must lie in the file itself. "
                f"Received: {path} in {file.filename}"
            )
        found[path] = item

    file.visititems(visit)
    return found


def replace(
    model: keras.Model, own: dict[str, Any], given: dict[str, Any]
) -> Copied:
    """Writes the given values over our own; all must fit but the head's."""
    own, given = alike(own, given)
    unlike = {
        name
        for name in own.keys() & given.keys()
        if own[name].shape != given[name].shape
    }
    # The last layer with weights, as `head`, `predictions`, `conv_preds`.
    last = [layer for layer in model.layers if layer.weights][-1].name
    head = {name for name in own if label(own[name]).startswith(f"{last}/")}
    left_new = ""
    if unlike and unlike <= head:
        kernel = next(name for name in head if own[name].ndim > 1)
        left_new = head_differs(
            given[kernel].shape[-2:], own[kernel].shape[-2:]
        )
    kept = head if left_new else set()
    refuse(
        model.name,
        missing=sorted(label(own[name]) for name in own.keys() - given.keys()),
        unexpected=sorted(
            label(given[name]) for name in given.keys() - own.keys()
        ),
        misshapen=sorted(
            f"{label(own[name])} {list(given[name].shape)} for "
            f"{list(own[name].shape)}"
            for name in unlike - kept
        ),
    )
    copied = own.keys() - kept
    for name in copied:
        own[name][...] = given[name][...]
    return Copied(
        tensors=len(copied),
        parameters=sum(own[name].size for name in copied),
        left_new=left_new,
    )


def alike(
    own: dict[str, Any], given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both by the names of layers, unless Keras's own order matches anyway.

    So the lists tell what really differs, and keras.layers.BatchNormalization
    stands for FusedBatchNorm.
    """
    if own.keys() == given.keys():
        return own, given
    named = [{label(x): x for x in file.values()} for file in (own, given)]
    if (len(named[0]), len(named[1])) == (len(own), len(given)):
        return named[0], named[1]
    return own, given


def label(dataset: Any) -> str:
    """A variable's place by the names that Keras writes beside its paths."""
    *groups, _, number = dataset.name.strip("/").split("/")
    names = []
    for end in range(1, len(groups) + 1):
        variables = dataset.file.get(f"{'/'.join(groups[:end])}/vars")
        if variables is not None and "name" in variables.attrs:
            names.append(str(variables.attrs["name"]))
    return "/".join([*(names or groups), number])
