"""ResNets and their variants, SE-ResNets, ResNeXts and Wide ResNets.

    v1  the paper's: a bottleneck's stride is in its first 1x1
    b   the stride is in the 3x3, as torchvision and timm have it
    c   b, with three 3x3 in the stem instead of one 7x7
    d   c, with a shortcut that shrinks by average pooling before its 1x1

Papers: ResNet arXiv 1512.03385; variants arXiv 1812.01187, Figure 2; SE arXiv
1709.01507; ResNeXt arXiv 1611.05431; Wide ResNet arXiv 1605.07146. Acts on: the
network. Cost: C and D 12% more multiply-adds than v1 at depth 50. Hurts: few
pictures, which a deep network from scratch learns by heart.
"""

import dataclasses
from typing import Any

import keras
from keras import layers

from kerastricks.checks import check_choice
from kerastricks.layers import SqueezeExcite
from kerastricks.models.parts import Parts

BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    26: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
BASIC = (10, 18, 34)  # blocks of two 3x3; the others have bottlenecks
EXPANSION = 4  # channels out of a bottleneck over those within
WIDTHS = (64, 128, 256, 512)
VARIANTS = ("v1", "b", "c", "d")
STEMS = ("auto", "7x7", "deep", "small")
SMALL_UP_TO = 48  # px; larger images can afford the stem's reduction by 4


@dataclasses.dataclass(frozen=True)
class Design:
    """What makes one ResNet another."""

    depth: int
    variant: str
    squeeze_excite: bool
    groups: int
    group_width: int

    def __post_init__(self) -> None:
        check_choice(VARIANTS, variant=self.variant)
        if self.depth not in BLOCKS:
            raise ValueError(
                f"depth must be one of {', '.join(map(str, BLOCKS))}. "
                f"Received: depth={self.depth}"
            )
        if not self.bottleneck and (self.groups, self.group_width) != (1, 64):
            raise ValueError(
                "groups and group_width are of bottlenecks. "
                f"Received: depth={self.depth}, groups={self.groups}, "
                f"group_width={self.group_width}"
            )

    @property
    def bottleneck(self) -> bool:
        return self.depth not in BASIC

    def inner(self, make: Parts, width: int) -> int:
        """Channels of a bottleneck's 3x3."""
        per_group = width * self.group_width / WIDTHS[0]
        if self.groups == 1:
            return make.channels(per_group)
        return self.groups * max(1, round(per_group * make.width))


def resnet(
    depth: int,
    variant: str = "b",
    *,
    num_classes: int = 1000,
    image_size: int | None = None,
    stem: str = "auto",
    squeeze_excite: bool = False,
    groups: int = 1,
    group_width: int = 64,
    in_channels: int = 3,
    name: str | None = None,
    **parts: Any,
) -> keras.Model:
    """A ResNet from normalised images to logits.

    Args:
        image_size: of the training images; it chooses the stem if that is
            `auto`. The network itself takes any size.
        stem: `7x7`, `deep`, `small`, or `auto`: `small` up to 48 px, above it
            the variant's.
        groups, group_width: of a bottleneck's 3x3; a group has this many
            channels in the first stage (ResNeXt-50 32x4d: 32 and 4; Wide
            ResNet-50-2: 1 and 128).
        parts: what all layers have in common, see `parts.Parts`.

    Example:
        model = resnet(50, "d", num_classes=10, drop_path=0.05)
    """
    design = Design(depth, variant, squeeze_excite, groups, group_width)
    make = Parts(**parts)
    images = keras.Input((None, None, in_channels), name="images")
    x = add_stem(make, images, chosen_stem(stem, variant, image_size))
    blocks = [
        (stage, number)
        for stage, count in enumerate(BLOCKS[depth])
        for number in range(count)
    ]
    for place, (stage, number) in enumerate(blocks):
        x = add_block(
            make,
            design,
            x,
            name=f"stage{stage + 1}_block{number + 1}",
            width=WIDTHS[stage],
            stride=2 if stage and not number else 1,
            depth=place / (len(blocks) - 1),
        )
    x = make.drop(make.pooled(x), "head_dropout")
    return keras.Model(images, make.head(x, num_classes), name=name)


def chosen_stem(stem: str, variant: str, image_size: int | None) -> str:
    """What `auto` stands for."""
    check_choice(STEMS, stem=stem)
    if stem != "auto":
        return stem
    if image_size is not None and image_size <= SMALL_UP_TO:
        return "small"
    return "deep" if variant in ("c", "d") else "7x7"


def add_stem(make: Parts, x: Any, stem: str) -> Any:
    """Images -> 1/4 of their size, or (`small`) all of it."""
    if stem == "small":
        return make.conv_bn_act(x, "stem_1", make.channels(64), 3)
    # The blur is for the pool alone: the first convolution keeps its stride.
    sharp = dataclasses.replace(make, blur_pool=False)
    if stem == "7x7":
        x = sharp.conv_bn_act(x, "stem_1", make.channels(64), 7, stride=2)
    else:
        x = sharp.conv_bn_act(x, "stem_1", make.channels(32), 3, stride=2)
        x = sharp.conv_bn_act(x, "stem_2", make.channels(32), 3)
        x = sharp.conv_bn_act(x, "stem_3", make.channels(64), 3)
    return make.max_pool(x, "stem_pool")


def add_block(
    make: Parts,
    design: Design,
    x: Any,
    name: str,
    width: int,
    stride: int,
    depth: float,
) -> Any:
    """A residual block; `depth`: 0 for the network's first, 1 for its last."""
    out = make.channels(width) * (EXPANSION if design.bottleneck else 1)
    shortcut = add_shortcut(make, x, name, out, stride, design.variant == "d")
    if design.bottleneck:
        inner = design.inner(make, width)
        first, second = (stride, 1) if design.variant == "v1" else (1, stride)
        x = make.conv_bn_act(x, f"{name}_1", inner, 1, first)
        x = make.conv_bn_act(x, f"{name}_2", inner, 3, second, design.groups)
        x = make.conv_bn(x, f"{name}_3", out, 1, last=True)
    else:
        x = make.conv_bn_act(x, f"{name}_1", out, 3, stride)
        x = make.conv_bn(x, f"{name}_2", out, 3, last=True)
    if design.squeeze_excite:
        x = SqueezeExcite(
            initializers=(
                make.initializer(f"{name}_se_reduce"),
                make.initializer(f"{name}_se_expand"),
            ),
            dtype=make.dtype,
            name=f"{name}_se",
        )(x)
    return make.act(make.add(x, shortcut, name, depth), name)


def add_shortcut(
    make: Parts, x: Any, name: str, out: int, stride: int, pooled: bool
) -> Any:
    """The input itself, or projected where the shape changes."""
    if stride == 1 and x.shape[-1] == out:
        return x
    if pooled and stride > 1:
        # "same" averages exclude the padding of odd sizes, as torch's
        # ceil_mode with count_include_pad=False does.
        x = layers.AveragePooling2D(
            2,
            stride,
            padding="same",
            dtype=make.dtype,
            name=f"{name}_down_pool",
        )(x)
        stride = 1
    return make.conv_bn(x, f"{name}_down", out, 1, stride)
