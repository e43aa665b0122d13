"""What the networks of this folder are made of.

Padding is torch's (one pixel on every side also at stride 2; Keras's "same"
pads on the right only), batch norm has momentum .9 and epsilon 1e-5.
"""

import dataclasses
import zlib
from typing import Any

import keras
from keras import layers

from kerastricks.checks import check_choice
from kerastricks.layers import (
    BlurPool,
    ConcatPooling,
    DropPath,
    FusedBatchNorm,
    PaddedMaxPool2D,
    SpectralConv2D,
)

INITS = ("glorot_uniform", "he_normal")
ACTIVATIONS = ("relu", "leaky_relu", "gelu", "silu")
POOLS = ("avg", "concat")
LEAK = 0.01  # torch's; Keras's is .3


@dataclasses.dataclass(frozen=True)
class Parts:
    """What every layer of one network has in common, and how to make one.

    Args:
        width: factor of every count of channels; 1 is the published network.
        activation: `relu`, `leaky_relu` (slope .01), `gelu` (exact) or `silu`.
        bn_after_activation: convolution, activation, batch norm, instead of
            convolution, batch norm, activation.
        zero_gamma: start each residual branch at zero.
        spectral_norm: divide every convolution by its spectral norm.
        blur_pool: blur before dropping pixels.
        drop_path: how often a sample skips the last block; the first is never
            skipped, those between in proportion.
        dropout: share of the head's inputs that is dropped (in a `wrn`: of what
            lies between the convolutions of a block, as published).
        pool: `avg`, or `concat` for the maximum beside the mean.
        sync_bn: moments over all replicas of a tf.distribute strategy.
        init: `glorot_uniform` as in the paper, or `he_normal` over the outputs
            of a layer, as in torch.
        dtype: policy of all layers; None: Keras's global one. Logits are
            float32 under every policy.
    """

    width: float = 1.0
    activation: str = "relu"
    bn_after_activation: bool = False
    zero_gamma: bool = True
    spectral_norm: bool = False
    blur_pool: bool = False
    drop_path: float = 0.0
    dropout: float = 0.0
    pool: str = "avg"
    sync_bn: bool = False
    init: str = "glorot_uniform"
    seed: int = 0
    dtype: Any = None

    def __post_init__(self) -> None:
        for knob, known in (
            ("activation", ACTIVATIONS),
            ("init", INITS),
            ("pool", POOLS),
        ):
            check_choice(known, **{knob: getattr(self, knob)})
        if self.width <= 0:
            raise ValueError(
                f"width must be positive. Received: width={self.width}"
            )
        for knob in ("drop_path", "dropout"):
            if not 0 <= getattr(self, knob) < 1:
                raise ValueError(
                    f"{knob} must be in [0, 1). "
                    f"Received: {knob}={getattr(self, knob)}"
                )

    def channels(self, published: float) -> int:
        """A count of channels times the width, in eights as SIMD has it."""
        return max(8, round(published * self.width / 8) * 8)

    def seed_of(self, name: str) -> int:
        """Draws of its own for each layer, fixed by the seed and its name."""
        return zlib.crc32(f"{self.seed}/{name}".encode()) & 0x7FFFFFFF

    def initializer(self, name: str) -> Any:
        if self.init == "glorot_uniform":
            return keras.initializers.GlorotUniform(self.seed_of(name))
        return keras.initializers.VarianceScaling(
            2.0, "fan_out", "untruncated_normal", self.seed_of(name)
        )

    def conv(
        self,
        x: Any,
        name: str,
        filters: int,
        size: int,
        stride: int = 1,
        groups: int = 1,
    ) -> Any:
        """A convolution without bias, in torch's geometry."""
        if size > 1 and stride > 1:
            x = layers.ZeroPadding2D(
                size // 2, dtype=self.dtype, name=f"{name}_pad"
            )(x)
        kind = SpectralConv2D if self.spectral_norm else layers.Conv2D
        return kind(
            filters,
            size,
            strides=stride,
            padding="valid" if stride > 1 else "same",
            groups=groups,
            use_bias=False,
            kernel_initializer=self.initializer(f"{name}_conv"),
            dtype=self.dtype,
            name=f"{name}_conv",
        )(x)

    def norm(self, x: Any, name: str, last: bool = False) -> Any:
        """Batch norm; `last` of its residual branch or not."""
        # Zero gamma: a block starts as its shortcut, so the network starts
        # shallow (arXiv 1706.02677, section 5.1).
        gamma = "zeros" if last and self.zero_gamma else "ones"
        return FusedBatchNorm(
            gamma_initializer=gamma,
            synchronized=self.sync_bn,
            dtype=self.dtype,
            name=f"{name}_bn",
        )(x)

    def act(self, x: Any, name: str) -> Any:
        if self.activation == "relu":
            layer = layers.ReLU(dtype=self.dtype, name=f"{name}_act")
        elif self.activation == "leaky_relu":
            layer = layers.LeakyReLU(LEAK, dtype=self.dtype, name=f"{name}_act")
        else:
            layer = layers.Activation(
                self.activation, dtype=self.dtype, name=f"{name}_act"
            )
        return layer(x)

    def conv_bn_act(
        self,
        x: Any,
        name: str,
        filters: int,
        size: int,
        stride: int = 1,
        groups: int = 1,
    ) -> Any:
        """The three in the chosen order, then the blur if pixels go."""
        blurred = self.blur_pool and stride > 1
        x = self.conv(x, name, filters, size, 1 if blurred else stride, groups)
        if self.bn_after_activation:
            x = self.norm(self.act(x, name), name)
        else:
            x = self.act(self.norm(x, name), name)
        if blurred:
            x = BlurPool(stride, dtype=self.dtype, name=f"{name}_blur")(x)
        return x

    def conv_bn(
        self,
        x: Any,
        name: str,
        filters: int,
        size: int,
        stride: int = 1,
        last: bool = False,
    ) -> Any:
        """What is added up: no activation."""
        x = self.conv(x, name, filters, size, stride)
        return self.norm(x, name, last)

    def max_pool(self, x: Any, name: str) -> Any:
        """3x3 maxima at half the size."""
        stride = 1 if self.blur_pool else 2
        x = PaddedMaxPool2D(3, stride, dtype=self.dtype, name=name)(x)
        if self.blur_pool:
            x = BlurPool(2, dtype=self.dtype, name=f"{name}_blur")(x)
        return x

    def add(self, branch: Any, shortcut: Any, name: str, depth: float) -> Any:
        """Their sum; the branch is skipped at a rate that grows with depth."""
        if self.drop_path and depth:
            branch = DropPath(
                self.drop_path * depth,
                seed=self.seed_of(f"{name}_drop_path"),
                dtype=self.dtype,
                name=f"{name}_drop_path",
            )(branch)
        return layers.Add(dtype=self.dtype, name=f"{name}_add")(
            [branch, shortcut]
        )

    def drop(self, x: Any, name: str) -> Any:
        """Dropout, if there is any."""
        if not self.dropout:
            return x
        return layers.Dropout(
            self.dropout, seed=self.seed_of(name), dtype=x.dtype, name=name
        )(x)

    def pooled(self, x: Any) -> Any:
        """float32 features of the whole image."""
        if self.pool == "concat":
            return ConcatPooling(dtype="float32", name="pool")(x)
        return layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)

    def head(self, x: Any, num_classes: int) -> Any:
        """float32 logits."""
        return layers.Dense(
            num_classes,
            kernel_initializer=self.initializer("head"),
            dtype="float32",
            name="head",
        )(x)
