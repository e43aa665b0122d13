import numpy as np
import pytest
from keras import ops

from kerastricks.layers import IdentityShortcut

pytestmark = pytest.mark.traced


def test_identity_shortcut_fills_with_zeros_on_both_sides(maps):
    x = maps(5, 4, channels=2)
    found = ops.convert_to_numpy(IdentityShortcut(5, strides=2)(x))
    assert found.shape == (2, 3, 2, 5)
    np.testing.assert_array_equal(found[..., 1:3], x[:, ::2, ::2])
    assert not found[..., 0].any() and not found[..., 3:].any()
