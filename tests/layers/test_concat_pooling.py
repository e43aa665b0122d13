import numpy as np
import pytest
from keras import ops

from kerastricks.layers import ConcatPooling

pytestmark = pytest.mark.traced


def test_concat_pooling_has_fast_ais_order(maps):
    x = maps(4, 5)
    found = ops.convert_to_numpy(ConcatPooling()(x))
    np.testing.assert_allclose(found[:, :3], x.max((1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found[:, 3:], x.mean((1, 2)), atol=1e-6)
