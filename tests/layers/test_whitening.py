import numpy as np
import pytest
from keras import ops

from kerastricks.layers.whitening import WhiteningConv2D, whitening_kernel

pytestmark = pytest.mark.traced


@pytest.fixture(scope="module")
def images():
    """Smooth ones, whose pixels are far from independent."""
    random = np.random.RandomState(0)
    rough = random.normal(size=(60, 12, 12, 3))
    return rough + np.roll(rough, 1, 1) + np.roll(rough, 1, 2) * 0.7


def test_outputs_are_white(images):
    layer = WhiteningConv2D(24, 2, use_bias=False)
    layer.build((None, None, None, 3))
    layer.kernel.assign(whitening_kernel(images))
    outputs = ops.convert_to_numpy(layer(images.astype("float32")))
    found = outputs.reshape(-1, 24)
    second = found.T @ found / len(found)
    np.testing.assert_allclose(second[:12, :12], np.eye(12), atol=0.01)
    np.testing.assert_allclose(found[:, 12:], -found[:, :12], atol=1e-5)


def test_the_largest_eigenvalue_comes_first(images):
    kernel = whitening_kernel(images)
    # 1 / sqrt(eigenvalue): the most common pattern has the smallest weights.
    norms = np.linalg.norm(kernel.reshape(12, 24)[:, :12], axis=0)
    assert (np.diff(norms) > 0).all()


def test_kernel_stands_still_and_the_bias_does_not():
    layer = WhiteningConv2D(24, 2)
    layer.build((None, None, None, 3))
    assert [weight.name for weight in layer.trainable_weights] == ["bias"]


def test_unfreezing_the_network_does_not_unfreeze_the_kernel():
    layer = WhiteningConv2D(24, 2)
    layer.build((None, None, None, 3))
    layer.trainable = False
    assert layer.trainable_weights == []
    layer.trainable = True
    assert [weight.name for weight in layer.trainable_weights] == ["bias"]
