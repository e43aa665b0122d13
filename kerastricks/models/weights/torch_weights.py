"""Weights of torch's ResNets in ours: timm's, torchvision's, GluonCV's ports.

The logits are then equal to about 1e-6 of theirs: golden_models.npz in the
tests, which tools/golden_models.py makes with those libraries. Acts on: the
first weights. Cost: none. Hurts: images normalised otherwise than those the
weights were trained with.

Two things a file does not tell: whether a bottleneck's stride is in its 3x3, as
those libraries have it and our names without `v1`, and whether the network
blurs before it drops pixels (resnetblur50: `blur_pool`).
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np

from kerastricks.errors import InputError
from kerastricks.models.weights.torch_names import (
    Transform,
    refuse,
    torch_names,
    torch_shape,
)

COUNTER = re.compile(r"(^|\.)num_batches_tracked$")
FILTER = re.compile(r"(^|\.)filt$")  # of a blur; in older files of timm
HEAD = ("fc.weight", "fc.bias")


@dataclasses.dataclass(frozen=True)
class Copied:
    """What came of loading weights.

    Args:
        left_new: the part of the model that the file does not have, and why;
            empty: all of it is from the file.
        notes: what else the user should know.
    """

    tensors: int
    parameters: int
    left_new: str = ""
    notes: tuple[str, ...] = ()

    def lines(self, source: str) -> list[str]:
        """For the screen."""
        count = f"{self.parameters:,} numbers in {self.tensors} tensors"
        return [
            f"weights    {source}: {count}",
            f"new        {self.left_new or 'nothing'}",
            *(f"note       {note}" for note in self.notes),
        ]


def load_torch_weights(
    model: keras.Model,
    tensors: Mapping[str, np.ndarray],
    new_head: bool = False,
) -> Copied:
    """Assigns them all, or refuses and assigns none.

    The head stays as it is where the file has another number of classes, or
    none. A stem for grey pictures becomes one for coloured ones, and back.

    Args:
        new_head: keep the model's head even if the file's would do.

    Example:
        load_torch_weights(model, read_tensors("resnet50d.safetensors"))
    """
    wanted, given = torch_names(model), without_buffers(tensors, model)
    left_new = why_new_head(model, given, new_head)
    if left_new:
        wanted = {p: (n, t) for p, (n, t) in wanted.items() if n not in HEAD}
        given = {n: value for n, value in given.items() if n not in HEAD}
    try:
        ready = matched(model, wanted, given)
    except InputError as error:
        if not has_small_stem(model):
            raise
        raise InputError(
            "this network has the stem for small images, and published ones "
            "have not: --stem=7x7 or deep, or a larger --image_size, may help. "
            f"It was refused because {error}"
        ) from None
    variables = {variable.path: variable for variable in model.weights}
    for path, value in ready.items():
        # A copy of its own: backends may keep the very memory they are given,
        # which here can be a file's.
        variables[path].assign(np.array(value, np.float32, order="C"))
    return Copied(
        tensors=len(ready),
        parameters=sum(value.size for value in ready.values()),
        left_new=left_new,
        notes=tuple(notes(model, given)),
    )


def has_small_stem(model: keras.Model) -> bool:
    """One 3x3 convolution and no pool."""
    names = {layer.name for layer in model.layers}
    return "stem_1_conv" in names and "stem_pool" not in names


def without_buffers(
    tensors: Mapping[str, np.ndarray], model: keras.Model
) -> dict[str, np.ndarray]:
    """Without counters and, for a model that blurs, without its filters."""
    blurs = any(layer.name.endswith("_blur") for layer in model.layers)
    return {
        name: value
        for name, value in tensors.items()
        if not COUNTER.search(name) and not (blurs and FILTER.search(name))
    }


def matched(
    model: keras.Model,
    wanted: Mapping[str, tuple[str, Transform]],
    given: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Values in our layout by variable; refuses all that is amiss at once."""
    shapes = {weight.path: tuple(weight.shape) for weight in model.weights}
    ready: dict[str, np.ndarray] = {}
    misshapen = []
    for path, (name, transform) in wanted.items():
        if name not in given:
            continue
        value = fitted(given[name], transform, shapes[path])
        if value is None:
            kind, found = given[name].dtype, list(given[name].shape)
            expected = list(torch_shape(shapes[path]))
            misshapen.append(f"{name} {kind} {found} for {expected}")
        else:
            ready[path] = value
    names = {name for name, _ in wanted.values()}
    refuse(
        model.name,
        missing=sorted(names - set(given)),
        unexpected=sorted(set(given) - names),
        misshapen=misshapen,
    )
    return ready


def file_classes(tensors: Mapping[str, np.ndarray]) -> int | None:
    """How many classes the file's head tells apart; None: it has no head."""
    weight = tensors.get(HEAD[0])
    return None if weight is None or not weight.ndim else weight.shape[0]


def fitted(
    value: np.ndarray, transform: Transform, shape: tuple[int, ...]
) -> np.ndarray | None:
    """The value in our layout; None if it cannot be brought there."""
    try:
        found = transform(value)
    except ValueError:  # as many axes as expected it does not have
        return None
    fits = found.shape == shape and found.dtype.kind == "f"
    return found if fits else None


def why_new_head(
    model: keras.Model, tensors: Mapping[str, np.ndarray], new_head: bool
) -> str:
    """Why the head is not from the file; empty: it is."""
    heads = [layer for layer in model.layers if layer.name == "head"]
    if not heads:
        return ""
    if new_head:
        return "head (as asked for)"
    if not any(name in tensors for name in HEAD):
        return "head (the file has none)"
    kernel, weight = heads[0].kernel, tensors.get(HEAD[0])
    if weight is None or weight.ndim < 2:
        return ""  # refused with the other tensors
    return head_differs(weight.shape[::-1][-2:], kernel.shape)


def head_differs(given: Sequence[int], own: Sequence[int]) -> str:
    """In what, of two heads of [features, classes]; empty: in nothing."""
    for what, there, here in zip(
        ("features", "classes"), given, own, strict=True
    ):
        if there != here:
            return f"head ({there} {what} in the file, {here} in the model)"
    return ""


def notes(
    model: keras.Model, tensors: Mapping[str, np.ndarray]
) -> Iterable[str]:
    """What was changed on the way, and what looks wrong."""
    layers = {layer.name: layer for layer in model.layers}
    stem = layers["stem_1_conv"].kernel.shape[2]
    first = "conv1.0.weight" if "stem_2_conv" in layers else "conv1.weight"
    colours = tensors[first].shape[1]
    if colours != stem:
        yield (
            f"the stem is for {stem} colours, the file's for {colours}: its "
            "kernel was adapted"
        )
    three = "stage2_block1_3_conv" in layers
    if three and layers["stage2_block1_1_conv"].strides != (1, 1):
        yield (
            "this model has strides in its 1x1, timm's and torchvision's have "
            "them in the 3x3: for their files use the name without v1"
        )
