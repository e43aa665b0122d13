import numpy as np
import pytest
from keras import ops

from kerastricks.layers import IdentityShortcut

pytestmark = pytest.mark.traced


def maps(height, width, channels=3):
    random = np.random.RandomState(height * width)
    return random.normal(size=(2, height, width, channels)).astype("float32")


def test_identity_shortcut_fills_with_zeros_on_both_sides():
    x = maps(5, 4, channels=2)
    found = ops.convert_to_numpy(IdentityShortcut(5, strides=2)(x))
    assert found.shape == (2, 3, 2, 5)
    np.testing.assert_array_equal(found[..., 1:3], x[:, ::2, ::2])
    assert not found[..., 0].any() and not found[..., 3:].any()


def test_shape_and_configuration():
    layer, x = IdentityShortcut(8, 2), maps(7, 6)
    again = IdentityShortcut.from_config(layer.get_config())
    found = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(found, ops.convert_to_numpy(again(x)))
    assert layer.compute_output_shape(x.shape) == found.shape
    unknown = layer.compute_output_shape((None, None, None, 3))
    assert unknown[-1] == found.shape[-1] and set(unknown[:-1]) == {None}
