import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.optimizers import SGD, Lookahead

pytestmark = pytest.mark.traced


def after(optimizer, steps, start=2.0, rebuilt_at=None):
    """A weight after each of some steps along a gradient of one."""
    weight = keras.Variable(np.full((1, 1), start, np.float32))
    optimizer.build([weight])
    if rebuilt_at is not None:
        weight.assign([[rebuilt_at]])
    found = []
    for _ in range(steps):
        optimizer.apply([ops.ones((1, 1))], [weight])
        found.append(float(ops.convert_to_numpy(weight)[0, 0]))
    return found


def test_seven_steps_by_hand():
    found = after(Lookahead(SGD(0.1), steps=3, alpha=0.5), 7)
    # 2 -> 1.7 at the third step, half the way: 1.85; 1.55 -> 1.7
    expected = [1.9, 1.8, 1.85, 1.75, 1.65, 1.7, 1.6]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_alpha_one_is_the_inner_optimizer():
    found = after(Lookahead(SGD(0.1), steps=2, alpha=1.0), 5)
    np.testing.assert_allclose(found, after(SGD(0.1), 5), rtol=1e-6)


def test_weights_may_be_loaded_after_the_build():
    optimizer = Lookahead(SGD(0.1), steps=3, alpha=0.5)
    found = after(optimizer, 3, start=7.0, rebuilt_at=2.0)
    np.testing.assert_allclose(found, [1.9, 1.8, 1.85], rtol=1e-6)


def test_it_shows_the_inner_optimizers_rate_and_steps():
    inner = keras.optimizers.Adam(0.25)
    optimizer = Lookahead(inner)
    after(optimizer, 3)
    assert int(ops.convert_to_numpy(optimizer.iterations)) == 3
    assert float(ops.convert_to_numpy(optimizer.learning_rate)) == 0.25
    optimizer.learning_rate = 0.5
    assert float(ops.convert_to_numpy(inner.learning_rate)) == 0.5
    assert set(map(id, inner.variables)) <= set(map(id, optimizer.variables))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"steps": 0}, "steps must be at least 1. Received: steps=0"),
        ({"alpha": 1.5}, r"alpha must be in \(0, 1\]. Received: alpha=1.5"),
        ({"alpha": 0}, r"alpha must be in \(0, 1\]. Received: alpha=0"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Lookahead(SGD(0.1), **options)
