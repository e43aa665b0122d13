"""Learning rates by depth, and of biases.

    layer decay d:  factor d^k of a group with k groups behind it, the head's 1
    lr groups:      rate_i / rate_last, the head's 1
    bias rate b:    b times that, for biases and the betas of normalisation

Papers: layer decay, arXiv 2003.10555 (ELECTRA) and 2106.08254 (BEiT);
discriminative rates, arXiv 1801.06146 (ULMFiT); biases: arXiv 2404.00498
(airbench: 64). Acts on: the learning rate of each variable, and so on decay
that goes with it. Cost: none. The factors of this package's ResNets are those
of timm's `param_groups_layer_decay`, number for number. Hurts: training from
scratch, where the first layers have the most to learn.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

# The layers of this package's networks by depth; the rest is the head.
STEM = re.compile(r"stem_|whiten$")
STAGE = re.compile(r"stage(\d+)_block(\d+)_|group(\d+)_\d")
# Shares of other networks between the first layer and the head: the stages of
# a ResNet, the blocks of the networks that published layer decays are for.
COARSE, FINE = 4, 12


def layer_groups(model: keras.Model, fine: bool = False) -> list[list[str]]:
    """Paths of the trainable variables: stem, stages or blocks, head.

    Of networks that are not this package's: the first layer with a kernel, 4
    (fine: 12) equal shares of those that follow, the last one. What has no
    kernel, as batch norm, goes with the one before it. Frozen variables are
    left out of their groups, which may so be empty.

    Example:
        [len(group) for group in layer_groups(create("resnet50"))]
    """
    groups: list[list[str]] = []
    left = {id(v): v for v in model.trainable_variables}
    for layers in grouped_layers(model, fine):
        own = [
            weight
            for layer in layers
            for weight in layer.weights
            if left.pop(id(weight), None) is not None
        ]
        groups.append([variable.path for variable in own])
    if left:
        # Of the model itself, as a class token: what the stem works with.
        groups = groups or [[]]
        groups[0] += [variable.path for variable in left.values()]
    return groups


def grouped_layers(model: keras.Model, fine: bool = False) -> list[list[Any]]:
    """The same groups, of the layers that have weights."""
    layers = list(weighted_layers(model))
    named = [place_of(layer.name, fine) for layer in layers]
    if any(STAGE.match(layer.name) for layer in layers):
        order = {place: at for at, place in enumerate(sorted(set(named)))}
        numbers = [order[place] for place in named]
    else:
        numbers = shares([has_kernel(layer) for layer in layers], fine)
    groups: list[list[Any]] = [[] for _ in range(max(numbers, default=-1) + 1)]
    for layer, number in zip(layers, numbers, strict=True):
        groups[number].append(layer)
    return groups


def rate_factors(
    model: keras.Model,
    layer_decay: float = 1.0,
    lr_groups: Sequence[float] = (),
    bias_lr: float = 1.0,
) -> dict[str, float]:
    """Of each trainable variable's path the factor of its learning rate.

    Args:
        layer_decay: factor from one fine group to the one before it.
        lr_groups: learning rates from stem to head, the last of which is the
            optimizer's; spread evenly over the coarse groups.
        bias_lr: factor of every bias and beta.

    Example:
        AdamW(1e-3, rate_factors=rate_factors(model, layer_decay=0.75))
    """
    fine, coarse = layer_groups(model, fine=True), layer_groups(model)
    rates = spread(lr_groups, len(coarse))
    found: dict[str, float] = {}
    for behind, group in enumerate(reversed(fine)):
        found |= dict.fromkeys(group, layer_decay**behind)
    for rate, group in zip(rates, coarse, strict=True):
        for path in group:
            found[path] *= rate
    for path in bias_paths(model) & set(found):
        found[path] *= bias_lr
    refuse_doubles(model, found)
    return {v.path: found[v.path] for v in model.trainable_variables}


def weighted_layers(model: Any) -> Iterator[Any]:
    """The layers with weights in their order, those of inner models too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from weighted_layers(layer)
        elif layer.weights:
            yield layer


def place_of(name: str, fine: bool) -> tuple[int, int, int]:
    """Where in the network a layer of this package's networks is."""
    if STEM.match(name):
        return 0, 0, 0
    stage = STAGE.match(name)
    if not stage:
        return 2, 0, 0
    return 1, int(stage[1] or stage[3]), int(stage[2] or 0) if fine else 0


def has_kernel(layer: Any) -> bool:
    return any(len(weight.shape) > 1 for weight in layer.weights)


def shares(kernels: Sequence[bool], fine: bool) -> list[int]:
    """Of each layer the number of its group, by which layers have kernels."""
    # A unit: a layer with a kernel and those without one that follow.
    units = np.maximum(np.cumsum(kernels) - 1, 0)
    last = max(units, default=0)
    between = np.arange(1, last)
    parts = np.array_split(
        between, min(FINE if fine else COARSE, len(between)) or 1
    )
    group = {0: 0, last: len(parts) + 1 if len(between) else min(last, 1)}
    for number, part in enumerate(parts, 1):
        group |= dict.fromkeys(part, number)
    return [group[unit] for unit in units]


def spread(rates: Sequence[float], count: int) -> list[float]:
    """Of each of the groups its rate over the last."""
    if not rates:
        return [1.0] * count
    if len(rates) > count or min(rates) <= 0:
        raise ValueError(
            f"lr_groups must be at most {count} positive rates for this "
            f"model. Received: lr_groups={tuple(rates)}"
        )
    parts = np.array_split(np.arange(count), len(rates))
    return [
        rate / rates[-1]
        for rate, part in zip(rates, parts, strict=True)
        for _ in part
    ]


def bias_paths(model: keras.Model) -> set[str]:
    """Of what is some layer's `bias` or `beta`."""
    found = set()
    for layer in model._flatten_layers():
        for name in ("bias", "beta"):
            variable = getattr(layer, name, None)
            if isinstance(variable, keras.Variable):
                found.add(variable.path)
    return found


def refuse_doubles(model: keras.Model, factors: dict[str, float]) -> None:
    """Two variables of one path could not have factors of their own."""
    paths = [variable.path for variable in model.trainable_variables]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice and len(set(factors.values())) > 1:
        raise ValueError(
            "learning rates by variable need variables with paths of their "
            f"own: name the layers apart. Received: {twice[0]} twice"
        )
