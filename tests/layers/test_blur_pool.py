import numpy as np
import pytest
from keras import ops

from kerastricks.layers import BlurPool

pytestmark = pytest.mark.traced


def blurred(x):
    """Zhang's filter by hand, reflected at the borders, every second pixel."""
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
    height, width = x.shape[1:3]
    rows = sum(
        weight * padded[:, i : i + height]
        for i, weight in enumerate((0.25, 0.5, 0.25))
    )
    both = sum(
        weight * rows[:, :, i : i + width]
        for i, weight in enumerate((0.25, 0.5, 0.25))
    )
    return both[:, ::2, ::2]


@pytest.mark.parametrize("sides", [(6, 6), (7, 5)])
def test_blur_pool(sides, maps):
    x = maps(*sides)
    found = ops.convert_to_numpy(BlurPool()(x))
    np.testing.assert_allclose(found, blurred(x), atol=1e-6)


def test_blur_pool_keeps_what_is_flat():
    x = np.full((1, 9, 8, 2), 3.0, "float32")
    found = ops.convert_to_numpy(BlurPool()(x))
    np.testing.assert_allclose(found, np.full((1, 5, 4, 2), 3.0), rtol=1e-6)
