"""ResNet-D, in torch's geometry.

Papers: ResNet arXiv 1512.03385; the D variant arXiv 1812.01187, Figure 2: the
stem's 7x7 becomes three 3x3, the stride of a bottleneck moves to its 3x3, and
the shortcut shrinks by average pooling before its 1x1 convolution.

Padding is torch's (one pixel on every side also at stride 2; Keras's "same"
pads on the right only), batch norm has momentum .9 and epsilon 1e-5.
"""

import dataclasses
import zlib
from typing import Any

import keras
from keras import layers

from kerastricks.layers import FusedBatchNorm

BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
}
BOTTLENECK_FROM = 50  # shallower ones use basic blocks
EXPANSION = 4  # channels out of a bottleneck over those within
WIDTHS = (64, 128, 256, 512)
STEMS = ("auto", "deep", "small")
INITS = ("glorot_uniform", "he_normal")
SMALL_UP_TO = 48  # px; larger images can afford the stem's reduction by 4


@dataclasses.dataclass(frozen=True)
class Builder:
    """What every layer of one network has in common."""

    init: str
    seed: int
    zero_gamma: bool
    width: float
    dtype: Any

    def channels(self, published: int) -> int:
        """A count of channels times the width, in eights as SIMD has it."""
        return max(8, round(published * self.width / 8) * 8)

    def conv_bn(
        self,
        x: Any,
        name: str,
        filters: int,
        size: int,
        stride: int = 1,
        relu: bool = True,
        last: bool = False,
    ) -> Any:
        """Convolution and batch norm; `last` of its residual branch or not."""
        if size > 1 and stride > 1:
            x = layers.ZeroPadding2D(size // 2, dtype=self.dtype)(x)
        x = layers.Conv2D(
            filters,
            size,
            strides=stride,
            padding="valid" if stride > 1 else "same",
            use_bias=False,
            kernel_initializer=self.initializer(f"{name}_conv"),
            dtype=self.dtype,
            name=f"{name}_conv",
        )(x)
        # Zero gamma: a block starts as its shortcut, so the network starts
        # shallow (arXiv 1706.02677, section 5.1).
        gamma = "zeros" if last and self.zero_gamma else "ones"
        x = FusedBatchNorm(
            gamma_initializer=gamma, dtype=self.dtype, name=f"{name}_bn"
        )(x)
        return self.relu(x, f"{name}_relu") if relu else x

    def relu(self, x: Any, name: str) -> Any:
        return layers.ReLU(dtype=self.dtype, name=name)(x)

    def initializer(self, name: str) -> Any:
        """Draws of its own for each layer, fixed by the seed and its name."""
        seed = zlib.crc32(f"{self.seed}/{name}".encode()) & 0x7FFFFFFF
        if self.init == "glorot_uniform":
            return keras.initializers.GlorotUniform(seed)
        return keras.initializers.VarianceScaling(
            2.0, "fan_out", "untruncated_normal", seed
        )

    def deep_stem(self, x: Any) -> Any:
        """Three 3x3, the first of stride 2, and a max pool: 1/4 of the size."""
        x = self.conv_bn(x, "stem_1", self.channels(32), 3, stride=2)
        x = self.conv_bn(x, "stem_2", self.channels(32), 3)
        x = self.conv_bn(x, "stem_3", self.channels(64), 3)
        # Zeros are as good as torch's -inf here: they come after a ReLU.
        x = layers.ZeroPadding2D(1, dtype=self.dtype)(x)
        return layers.MaxPooling2D(3, 2, dtype=self.dtype, name="stem_pool")(x)

    def small_stem(self, x: Any) -> Any:
        """One 3x3 that keeps the size."""
        return self.conv_bn(x, "stem_1", self.channels(64), 3)

    def block(
        self, x: Any, name: str, width: int, stride: int, bottleneck: bool
    ) -> Any:
        """A residual block."""
        out = width * EXPANSION if bottleneck else width
        shortcut = self.shortcut(x, name, out, stride)
        if bottleneck:
            y = self.conv_bn(x, f"{name}_1", width, 1)
            y = self.conv_bn(y, f"{name}_2", width, 3, stride)
            y = self.conv_bn(y, f"{name}_3", out, 1, relu=False, last=True)
        else:
            y = self.conv_bn(x, f"{name}_1", width, 3, stride)
            y = self.conv_bn(y, f"{name}_2", out, 3, relu=False, last=True)
        y = layers.Add(dtype=self.dtype, name=f"{name}_add")([y, shortcut])
        return self.relu(y, f"{name}_relu")

    def shortcut(self, x: Any, name: str, out: int, stride: int) -> Any:
        """The input itself, or pooled and projected where the shape changes."""
        if stride == 1 and x.shape[-1] == out:
            return x
        if stride > 1:
            # "same" averages exclude the padding of odd sizes, as torch's
            # ceil_mode with count_include_pad=False does.
            x = layers.AveragePooling2D(
                2, stride, padding="same", dtype=self.dtype, name=f"{name}_pool"
            )(x)
        return self.conv_bn(x, f"{name}_down", out, 1, relu=False)


def resnet(
    *,
    depth: int,
    num_classes: int,
    image_size: int | None = None,
    stem: str = "auto",
    zero_gamma: bool = True,
    init: str = "glorot_uniform",
    width: float = 1.0,
    seed: int = 0,
    dtype: Any = None,
    name: str | None = None,
) -> keras.Model:
    """A ResNet-D.

    Args:
        image_size: of the training images; it chooses the stem if that is
            `auto`. The network itself takes any size.
        stem: `deep`, `small` or `auto`.
        init: `glorot_uniform` as in the paper, or `he_normal` over the
            outputs of a layer, as in torch.
        width: factor of every count of channels; 1 is the published network.
        dtype: policy of all layers; None: Keras's global one. Logits are
            float32 under every policy.
    """
    for knob, value, known in (("stem", stem, STEMS), ("init", init, INITS)):
        if value not in known:
            raise ValueError(
                f"{knob} must be one of {', '.join(known)}. "
                f"Received: {knob}={value}"
            )
    builder = Builder(init, seed, zero_gamma, width, dtype)
    if stem == "auto":
        small = image_size is not None and image_size <= SMALL_UP_TO
        stem = "small" if small else "deep"
    images = keras.Input((None, None, 3), name="images")
    x = (
        builder.small_stem(images)
        if stem == "small"
        else builder.deep_stem(images)
    )
    for stage, (blocks, channels) in enumerate(
        zip(BLOCKS[depth], WIDTHS, strict=True), 1
    ):
        for block in range(1, blocks + 1):
            x = builder.block(
                x,
                f"stage{stage}_block{block}",
                builder.channels(channels),
                stride=2 if stage > 1 and block == 1 else 1,
                bottleneck=depth >= BOTTLENECK_FROM,
            )
    x = layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    logits = layers.Dense(
        num_classes,
        kernel_initializer=builder.initializer("head"),
        dtype="float32",
        name="head",
    )(x)
    return keras.Model(images, logits, name=name)
