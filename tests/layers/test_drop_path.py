import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.layers import DropPath

pytestmark = pytest.mark.traced


def call(layer, x, training=True):
    return ops.convert_to_numpy(layer(x, training=training))


def test_samples_are_dropped_whole_and_the_rest_scaled():
    x = np.random.RandomState(0).uniform(1, 2, (4000, 2, 3, 2))
    found = call(DropPath(0.3, seed=1), x.astype("float32"))
    kept = found.any(axis=(1, 2, 3))
    # 4 standard deviations of a share of 4,000
    assert abs(kept.mean() - 0.7) < 4 * np.sqrt(0.3 * 0.7 / 4000)
    np.testing.assert_allclose(found[kept], x[kept] / 0.7, rtol=1e-5)
    assert not found[~kept].any()


def test_each_call_draws_anew_and_a_seed_repeats():
    x = np.ones((64, 1), "float32")
    first, again = DropPath(0.5, seed=3), DropPath(0.5, seed=3)
    draws = [call(first, x) for _ in range(2)]
    assert (draws[0] != draws[1]).any()
    for draw in draws:
        np.testing.assert_array_equal(draw, call(again, x))


@pytest.mark.parametrize(
    "rate, training", [(0.5, False), (0.0, True), (0.0, False)]
)
def test_identity(rate, training):
    x = np.random.RandomState(0).normal(size=(8, 3)).astype("float32")
    np.testing.assert_array_equal(call(DropPath(rate), x, training), x)


def test_expectation_is_the_input():
    x = np.ones((20000, 1), "float32")
    mean = call(DropPath(0.2, seed=0), x).mean()
    assert abs(mean - 1) < 4 * np.sqrt(0.2 / 0.8 / 20000)


def test_half_precision_keeps_the_dtype():
    y = DropPath(0.4, seed=0, dtype="mixed_bfloat16")(
        np.ones((64, 2), "float32"), training=True
    )
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    values = np.unique(ops.convert_to_numpy(ops.cast(y, "float32")))
    np.testing.assert_allclose(values, [0, 1 / 0.6], rtol=0.01)


def test_configuration():
    layer = DropPath.from_config(DropPath(0.25, seed=7).get_config())
    assert (layer.rate, layer.seed) == (0.25, 7)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2])
def test_bad_rates(rate):
    with pytest.raises(ValueError, match=rf"\[0, 1\)\. Received: rate={rate}"):
        DropPath(rate)
