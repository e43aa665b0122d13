"""What our variables are called in torch's ResNets, and how they lie there.

The names are one scheme in timm, torchvision and GluonCV's ports: `conv1`,
`bn1` (a deep stem: `conv1.0` ...), `layer2.0.conv1`, `.bn1`, `.se.fc1`,
`.downsample.0`, `fc`. Kernels turn from [out, in, height, width] to [height,
width, in, out]; a convolution of one pixel in squeeze-and-excitation is a dense
layer here.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerastricks.errors import InputError

Transform = Callable[[np.ndarray], np.ndarray]
STEM = {
    "stem_1_conv": "conv1.0",
    "stem_1_bn": "conv1.1",
    "stem_2_conv": "conv1.3",
    "stem_2_bn": "conv1.4",
    "stem_3_conv": "conv1.6",
    "stem_3_bn": "bn1",
}
BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
SHOWN = 20  # names in a message


def torch_names(model: keras.Model) -> dict[str, tuple[str, Transform]]:
    """(torch's name, what turns its value into ours) by our variable's path.

    Example:
        torch_names(model)["stage1_block1_1_bn/gamma"][0]  # layer1.0.bn1.weight
    """
    found: dict[str, tuple[str, Transform]] = {}
    for layer in model.layers:
        if layer.weights:
            found |= names_in(layer, module_of(layer.name, model))
    strange = [w.path for w in model.weights if w.path not in found]
    if strange:
        raise InputError(
            "timm's and torchvision's weights are for their ResNets, as "
            f"resnet50_d. Received: model={model.name}, which has "
            f"{strange[0]} and {len(strange) - 1} more variables of its own"
        )
    return found


def module_of(name: str, model: keras.Model) -> str:
    """torch's name of a layer of ours; empty where it has none."""
    layers = {layer.name for layer in model.layers}
    if name.startswith("stem_"):
        deep = "stem_2_conv" in layers
        shallow = {"stem_1_conv": "conv1", "stem_1_bn": "bn1"}
        return (STEM if deep else shallow).get(name, "")
    if name == "head":
        return "fc"
    match = re.fullmatch(r"stage(\d+)_block(\d+)_(.+)", name)
    if not match:
        return ""
    # Where shortcuts are pooled, timm has a pool or an Identity in front.
    pooled = any(layer.endswith("_down_pool") for layer in layers)
    part = re.sub(r"^(\d)_(conv|bn)$", r"\2\1", match[3])
    part = {
        "down_conv": f"downsample.{0 + pooled}",
        "down_bn": f"downsample.{1 + pooled}",
    }.get(part, part)
    return f"layer{match[1]}.{int(match[2]) - 1}.{part}"


def names_in(layer: Any, module: str) -> dict[str, tuple[str, Transform]]:
    """Of one layer's variables; those that torch lacks are left out."""
    if not module:
        return {}
    if isinstance(layer, keras.layers.BatchNormalization):
        return {
            weight.path: (f"{module}.{BATCH_NORM[weight.name]}", unchanged)
            for weight in layer.weights
        }
    if module.endswith(".se"):
        return dense(layer.reduce, f"{module}.fc1") | dense(
            layer.expand, f"{module}.fc2"
        )
    if isinstance(layer, keras.layers.Dense):
        return dense(layer, module)
    if not isinstance(layer, keras.layers.Conv2D):
        return {}
    transform: Transform = conv_kernel
    if layer.name == "stem_1_conv":
        channels = layer.kernel.shape[2]
        transform = functools.partial(stem_kernel, channels=channels)
    return {layer.kernel.path: (f"{module}.weight", transform)}


def dense(layer: Any, module: str) -> dict[str, tuple[str, Transform]]:
    found: dict[str, tuple[str, Transform]] = {
        layer.kernel.path: (f"{module}.weight", dense_kernel)
    }
    if layer.bias is not None:
        found[layer.bias.path] = (f"{module}.bias", unchanged)
    return found


# Values


def unchanged(value: np.ndarray) -> np.ndarray:
    return value


def conv_kernel(value: np.ndarray) -> np.ndarray:
    """[out, in, height, width] -> [height, width, in, out]."""
    return value.transpose(2, 3, 1, 0)


def dense_kernel(value: np.ndarray) -> np.ndarray:
    """[out, in] or [out, in, 1, 1] -> [in, out]."""
    return value.reshape(value.shape[:2]).T


def torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of what has this shape here."""
    return shape[:-3:-1] + shape[:-2] if len(shape) > 1 else shape


def stem_kernel(value: np.ndarray, channels: int) -> np.ndarray:
    """A kernel for as many colours, such that grey pictures stay the same."""
    kernel = conv_kernel(value)
    if (kernel.shape[2], channels) == (1, 3):
        return np.repeat(kernel.astype(np.float32) / 3, 3, axis=2)
    if (kernel.shape[2], channels) == (3, 1):
        return kernel.sum(axis=2, keepdims=True, dtype=np.float32)
    return kernel


def refuse(model: str, **lists: list[str]) -> None:
    """Raises if any of the lists holds something, and tells them all."""
    told = [
        f"{len(names)} {kind} ({shortened(names)})"
        for kind, names in lists.items()
        if names
    ]
    if told:
        raise InputError(
            "a file of weights must hold the model's tensors and no others. "
            f"Received: model={model}, {'; '.join(told)}"
        )


def shortened(names: list[str]) -> str:
    """As much of a list as one reads."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f", {more} more" if more > 0 else "")
