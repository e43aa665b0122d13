"""The normalisation that published weights were trained with."""

import re
from typing import Any

import keras
import numpy as np

from kerastricks.errors import InputError

# keras.applications' modes: "torch", "tf", and "caffe" in RGB; x/128 - 1 is
# what the large EfficientNetV2 do. On 0..255, as --normalize has them.
TORCH = "imagenet"
TF = "127.5,127.5,127.5/127.5,127.5,127.5"
CAFFE = "123.68,116.779,103.939/1,1,1"
BY_128 = "128,128,128/128,128,128"
UNIT_RANGE = "none"

# EfficientNetB: (x/255 - m) / sqrt(v) / sqrt(s), where the files have v = s,
# the deviation in place of the variance (tensorflow issue 49930): torch's.
FAMILIES = (
    ("ConvNeXt|DenseNet|EfficientNetB|EfficientNetV2B", TORCH),
    ("EfficientNetV2[SML]$", BY_128),
    ("VGG|ResNet[0-9]+$", CAFFE),
    ("Inception|MobileNet|NASNet|ResNet[0-9]+V2$|Xception", TF),
)


def mode(application: str) -> str:
    """The normalisation of a model of keras.applications."""
    for pattern, normalization in FAMILIES:
        if re.match(pattern, application):
            return normalization
    raise InputError(
        "the normalization of this model is not known; give --normalize as "
        f"its authors say. Received: model=keras:{application}"
    )


def reads_bgr(application: str) -> bool:
    """Whether its published weights want blue first."""
    return mode(application) == CAFFE


def as_flag(scale: Any, offset: Any) -> str:
    """--normalize for scale x + offset on 0..255.

    Args:
        scale, offset: of all channels or of each; None: 1 and 0.
    """
    scale = np.broadcast_to(1.0 if scale is None else scale, 3)
    offset = np.broadcast_to(0.0 if offset is None else offset, 3)
    deviation = 1 / scale
    mean = -offset / scale + 0.0  # no negative zero
    return "/".join(
        ",".join(f"{number:.6g}" for number in three)
        for three in (mean, deviation)
    )


def of_layers(preprocessing: list[keras.Layer]) -> str:
    """--normalize for what Rescaling and Normalization layers do together."""
    ends = np.stack([np.zeros((1, 1, 3)), np.full((1, 1, 3), 255.0)])
    for layer in preprocessing:
        ends = keras.ops.convert_to_numpy(layer(ends.astype("float32")))
    low, high = ends.reshape(2, 3)
    return as_flag((high - low) / 255, low)
