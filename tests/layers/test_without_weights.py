"""What a layer without weights has to have besides its arithmetic."""

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.layers import (
    BlurPool,
    ConcatPooling,
    IdentityShortcut,
    PaddedMaxPool2D,
)

pytestmark = [
    pytest.mark.traced,
    pytest.mark.parametrize(
        "kind, arguments",
        [
            (BlurPool, ()),
            (ConcatPooling, ()),
            (IdentityShortcut, (8, 2)),
            (PaddedMaxPool2D, (3, 2)),
        ],
    ),
]


def test_shape_and_configuration(kind, arguments, maps):
    layer, x = kind(*arguments), maps(7, 6)
    again = kind.from_config(layer.get_config())
    found = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(found, ops.convert_to_numpy(again(x)))
    assert layer.compute_output_shape(x.shape) == found.shape
    unknown = layer.compute_output_shape((None, None, None, 3))
    assert unknown[-1] == found.shape[-1] and set(unknown[:-1]) == {None}


def test_half_precision(kind, arguments, maps):
    x = maps(6, 6)
    exact = ops.convert_to_numpy(kind(*arguments)(x))
    half = kind(*arguments, dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(half, "float32")), exact, atol=0.03
    )
