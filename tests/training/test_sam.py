import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Normalize
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.training import Learner
from kerastricks.training.passes import one_pass
from kerastricks.training.sam import Sam, climb

pytestmark = pytest.mark.traced

UNIT = Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
RANDOM = np.random.RandomState(0)
WEIGHTS = [RANDOM.normal(size=s).astype(np.float32) for s in ((3, 4), (4,))]
SLOPES = [RANDOM.normal(size=s).astype(np.float32) for s in ((3, 4), (4,))]
IMAGES = RANDOM.randint(-8, 8, (8, 2, 2, 3)).astype(np.float32) / 8
LABELS = RANDOM.randint(0, 3, 8)


def norm(arrays):
    return np.sqrt(sum((array.astype(float) ** 2).sum() for array in arrays))


def test_plain_goes_rho_along_the_gradient():
    for got, w, g in zip(
        climb(WEIGHTS, SLOPES, 0.05), WEIGHTS, SLOPES, strict=True
    ):
        np.testing.assert_allclose(got, w + 0.05 * g / norm(SLOPES), rtol=1e-6)


def test_adaptive_measures_in_units_of_each_weight():
    found = climb(WEIGHTS, SLOPES, 0.5, adaptive=True)
    length = norm([abs(w) * g for w, g in zip(WEIGHTS, SLOPES, strict=True)])
    for got, w, g in zip(found, WEIGHTS, SLOPES, strict=True):
        np.testing.assert_allclose(got, w + 0.5 * w**2 * g / length, rtol=1e-5)


def test_no_slope_no_climb():
    flat = [np.zeros_like(w) for w in WEIGHTS]
    for got, w in zip(climb(WEIGHTS, flat, 0.05), WEIGHTS, strict=True):
        np.testing.assert_array_equal(got, w)


def make_learner(sam, rate=0.5, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.Conv2D(4, 1),
            keras.layers.BatchNormalization(momentum=0.5),
            keras.layers.Activation("tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, dtype="float32"),
        ]
    )
    learner = Learner(model, [UNIT], sam=sam, **options)
    learner.compile(SGD(rate), SoftCrossEntropy())
    learner.optimizer.build(learner.trainable_variables)
    return learner


def fit(learner, epochs=1):
    """One step an epoch."""
    learner.fit(
        *(IMAGES, LABELS), batch_size=8, epochs=epochs, shuffle=False, verbose=0
    )
    return [ops.convert_to_numpy(v) for v in learner.model.variables]


def gradients(learner, weights):
    state = [v.value for v in learner.model.non_trainable_variables]
    labels = np.eye(3, dtype=np.float32)[LABELS]
    batch = ops.convert_to_tensor(IMAGES), ops.convert_to_tensor(labels)
    return one_pass(learner, weights, state, batch, 1.0)


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_step_takes_the_gradient_from_uphill(adaptive):
    learner = make_learner(Sam(0.1, adaptive))
    weights = [v.value for v in learner.trainable_variables]
    first = gradients(learner, weights)
    higher = climb(weights, first.gradients, 0.1, adaptive)
    uphill = gradients(learner, higher).gradients
    expected, plain = (
        [
            ops.convert_to_numpy(w - 0.5 * g)
            for w, g in zip(weights, slopes, strict=True)
        ]
        for slopes in (uphill, first.gradients)
    )
    fit(learner)
    for got, want, other in zip(
        learner.trainable_variables, expected, plain, strict=True
    ):
        np.testing.assert_allclose(got.value, want, atol=1e-6)
        if want.ndim > 1:
            assert np.abs(want - other).max() > 1e-3
    # Batch norm keeps what the first pass saw.
    for variable, value in zip(
        learner.model.non_trainable_variables, first.state, strict=True
    ):
        np.testing.assert_allclose(variable.value, value, atol=1e-6)


def test_every_second_step_is_plain():
    weights = fit(make_learner(Sam(0.1, every=2)), epochs=1)
    for got, want in zip(weights, fit(make_learner(Sam(0.1))), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-7)
    both = make_learner(Sam(0.1, every=2))
    by_hand = make_learner(Sam(0.1))
    fit(both, epochs=2)
    fit(by_hand)
    by_hand.sam = None
    by_hand.train_function = None
    fit(by_hand)
    for got, want in zip(
        both.model.variables, by_hand.model.variables, strict=True
    ):
        np.testing.assert_allclose(got.value, want.value, atol=1e-6)


def test_the_loss_scale_does_not_change_how_far_it_climbs():
    plain = fit(make_learner(Sam(0.1)))
    # Only the learner is of mixed precision: the layers stay exact.
    scaled = fit(make_learner(Sam(0.1), dtype="mixed_float16"))
    for got, want in zip(scaled, plain, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="rho must be above 0. Received"):
        Sam(0.0)
    with pytest.raises(ValueError, match="every must be at least 1. Received"):
        Sam(every=0)
