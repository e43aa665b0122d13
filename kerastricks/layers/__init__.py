"""Layers that Keras lacks or that are faster here."""

from kerastricks.layers.batch_norm import FusedBatchNorm
from kerastricks.layers.blur_pool import BlurPool
from kerastricks.layers.concat_pooling import ConcatPooling
from kerastricks.layers.drop_path import DropPath
from kerastricks.layers.identity_shortcut import IdentityShortcut
from kerastricks.layers.max_pool import PaddedMaxPool2D
from kerastricks.layers.spectral_conv import SpectralConv2D
from kerastricks.layers.squeeze_excite import SqueezeExcite

__all__ = [
    "BlurPool",
    "ConcatPooling",
    "DropPath",
    "FusedBatchNorm",
    "IdentityShortcut",
    "PaddedMaxPool2D",
    "SpectralConv2D",
    "SqueezeExcite",
]
