import numpy as np
import pytest
from keras import ops

from kerastricks.layers import PaddedMaxPool2D

pytestmark = pytest.mark.traced


@pytest.mark.parametrize("sides", [(6, 6), (7, 5)])
@pytest.mark.parametrize("strides", [1, 2])
def test_max_pool_of_negative_numbers(sides, strides, maps):
    """Zeros as padding would win against them."""
    x = -1 - np.abs(maps(*sides))
    found = ops.convert_to_numpy(PaddedMaxPool2D(3, strides)(x))
    padded = np.pad(
        x, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf
    )
    expected = [
        [
            padded[:, i : i + 3, j : j + 3].max((1, 2))
            for j in range(0, sides[1], strides)
        ]
        for i in range(0, sides[0], strides)
    ]
    np.testing.assert_array_equal(found, np.moveaxis(expected, 2, 0))
