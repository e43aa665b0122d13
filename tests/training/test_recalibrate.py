import keras
import numpy as np
import pytest

from kerastricks.layers import FusedBatchNorm
from kerastricks.training.recalibrate import Recalibration, recalibrate

pytestmark = pytest.mark.traced

NORMS = {"ours": FusedBatchNorm, "keras": keras.layers.BatchNormalization}


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(value)) for value in variables]


@pytest.fixture(scope="module")
def batches():
    """Of different means and deviations."""
    random = np.random.RandomState(0)
    return [
        random.normal(shift, 1 + shift, (6, 4, 4, 3)).astype(np.float32)
        for shift in (0.0, 1.0, 3.0)
    ]


def nested(norm):
    """A batch norm of the images, one deeper inside, dropout and a head."""
    inner = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Dense(2), norm(name="second")]
    )
    return keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            norm(name="first"),
            inner,
            keras.layers.Dropout(0.5, seed=0),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )


@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
def test_plain_averages_over_batches(norm, batches):
    model = nested(norm)
    first, inner = model.layers[:2]
    dense, second = inner.layers
    for layer in (first, second):  # old statistics, which shall not count
        layer.moving_mean.assign(9 + layer.moving_mean)
        layer.gamma.assign(0.5 * layer.gamma)
    assert recalibrate(model, batches) == 2

    axes, deep = (0, 1, 2), []
    means = np.mean([batch.mean(axes) for batch in batches], axis=0)
    variances = np.mean([batch.var(axes) for batch in batches], axis=0)
    np.testing.assert_allclose(values([first.moving_mean])[0], means, 1e-5)
    np.testing.assert_allclose(
        values([first.moving_variance])[0], variances, 1e-5
    )
    kernel, bias = values([dense.kernel, dense.bias])
    for batch in batches:  # behind the first one, by its batch's own moments
        x = (batch - batch.mean(axes)) / np.sqrt(
            batch.var(axes) + first.epsilon
        )
        deep.append(0.5 * x @ kernel + bias)
    expected = np.mean([x.mean(axes) for x in deep], axis=0)
    np.testing.assert_allclose(
        values([second.moving_mean])[0], expected, atol=1e-5
    )
    expected = np.mean([x.var(axes) for x in deep], axis=0)
    np.testing.assert_allclose(
        values([second.moving_variance])[0], expected, 1e-4
    )


def test_nothing_else_changes(batches):
    """Weights, dropout's seed and momentum; a frozen layer as a whole."""
    model = nested(FusedBatchNorm)
    model.layers[1].layers[1].trainable = False
    moving = {id(weight) for weight in model.layers[0].non_trainable_weights}
    others = [weight for weight in model.variables if id(weight) not in moving]
    assert len(others) == len(model.variables) - 2
    before = values(others)
    assert recalibrate(model, iter(batches), steps=2) == 1
    for new, old in zip(values(others), before, strict=True):
        np.testing.assert_array_equal(new, old)
    assert model.layers[0].momentum == 0.9
    expected = np.mean([batch.mean((0, 1, 2)) for batch in batches[:2]], axis=0)
    np.testing.assert_allclose(
        values([model.layers[0].moving_mean])[0], expected, atol=1e-6
    )


def test_a_model_without_batch_norms(batches):
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    assert recalibrate(model, batches) == 0


def test_a_failure_leaves_all_as_it_was(batches):
    model = nested(FusedBatchNorm)
    before = values(model.variables)

    def broken():
        yield batches[0]
        raise OSError("the disk is gone")

    with pytest.raises(OSError):
        recalibrate(model, broken())
    with pytest.raises(ValueError, match="at least one batch"):
        recalibrate(model, [])
    for new, old in zip(values(model.variables), before, strict=True):
        np.testing.assert_array_equal(new, old)
    assert model.layers[0].momentum == 0.9


def test_what_thaws_later_is_measured_too(batches):
    model = nested(FusedBatchNorm)
    first = model.layers[0]
    again = Recalibration(model)
    first.trainable = False
    assert again(batches) == 1
    assert not values([first.moving_mean])[0].any()
    first.trainable = True
    assert again(batches) == 2
    expected = np.mean([batch.mean((0, 1, 2)) for batch in batches], axis=0)
    np.testing.assert_allclose(values([first.moving_mean])[0], expected, 1e-5)
