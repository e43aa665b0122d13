"""Networks for images of 32 pixels.

CIFAR ResNet: arXiv 1512.03385, section 4.2; its shortcuts have no parameters.
Wide ResNet: arXiv 1605.07146; batch norm and activation come before the
convolution, and a shortcut is projected where the channels change. Acts on: the
network. Cost: what `python -m kerastricks.models` says. Hurts: large images:
nothing shrinks them before the first stage.
"""

from typing import Any

import keras

from kerastricks.layers import IdentityShortcut
from kerastricks.models.parts import Parts

WIDTHS = (16, 32, 64)


def cifar_resnet(
    depth: int,
    *,
    num_classes: int = 10,
    in_channels: int = 3,
    name: str | None = None,
    **parts: Any,
) -> keras.Model:
    """A ResNet of three stages at full, half and quarter size.

    Args:
        depth: 6n + 2, with n blocks of two 3x3 in each stage.
        parts: what all layers have in common, see `parts.Parts`.

    Example:
        model = cifar_resnet(20)
    """
    make = Parts(**parts)
    images = keras.Input((None, None, in_channels), name="images")
    x = make.conv_bn_act(images, "stem_1", make.channels(WIDTHS[0]), 3)
    for block, width, stride, place in plan(blocks_of(depth, 2)):
        out = make.channels(width)
        shortcut = x
        if stride > 1:
            shortcut = IdentityShortcut(
                out, stride, dtype=make.dtype, name=f"{block}_down"
            )(x)
        x = make.conv_bn_act(x, f"{block}_1", out, 3, stride)
        x = make.conv_bn(x, f"{block}_2", out, 3, last=True)
        x = make.act(make.add(x, shortcut, block, place), block)
    x = make.drop(make.pooled(x), "head_dropout")
    return keras.Model(images, make.head(x, num_classes), name=name)


def wide_resnet(
    depth: int,
    widen: int,
    *,
    num_classes: int = 10,
    in_channels: int = 3,
    name: str | None = None,
    **parts: Any,
) -> keras.Model:
    """A Wide ResNet: `widen` times the channels, activation before convolution.

    Args:
        depth: 6n + 4, with n blocks of two 3x3 in each stage.
        parts: what all layers have in common, see `parts.Parts`; `dropout`
            acts between the convolutions of a block, as published. No batch
            norm ends a branch, so that zero_gamma has nothing to set.

    Example:
        model = wide_resnet(28, 10, dropout=0.3)
    """
    make = Parts(**parts)
    images = keras.Input((None, None, in_channels), name="images")
    x = make.conv(images, "stem_1", make.channels(WIDTHS[0]), 3)
    for block, width, stride, place in plan(blocks_of(depth, 4)):
        out = make.channels(width * widen)
        ready = make.act(make.norm(x, f"{block}_1"), f"{block}_1")
        shortcut = x
        if stride > 1 or x.shape[-1] != out:
            shortcut = make.conv(ready, f"{block}_down", out, 1, stride)
        y = make.conv(ready, f"{block}_1", out, 3, stride)
        y = make.act(make.norm(y, f"{block}_2"), f"{block}_2")
        y = make.conv(make.drop(y, f"{block}_dropout"), f"{block}_2", out, 3)
        x = make.add(y, shortcut, block, place)
    x = make.pooled(make.act(make.norm(x, "end"), "end"))
    return keras.Model(images, make.head(x, num_classes), name=name)


def blocks_of(depth: int, rest: int) -> int:
    """Blocks of a stage in a network of 6n + rest layers."""
    if depth % 6 != rest or depth < 8:
        raise ValueError(
            f"depth must be 6n + {rest}, n at least 1. Received: depth={depth}"
        )
    return depth // 6


def plan(count: int) -> list[tuple[str, int, int, float]]:
    """(name, width, stride, place in 0..1) of each block."""
    return [
        (
            f"stage{stage + 1}_block{number + 1}",
            width,
            2 if stage and not number else 1,
            (stage * count + number) / (3 * count - 1),
        )
        for stage, width in enumerate(WIDTHS)
        for number in range(count)
    ]
