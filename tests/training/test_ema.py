import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Normalize
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.training import Learner
from kerastricks.training.ema import Ema, EpochMeans

pytestmark = pytest.mark.traced

UNIT = Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.uniform(-1, 1, (6, 2, 2, 3)).astype(np.float32)
LABELS = RANDOM.randint(0, 3, 6)


def make_learner(average, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.Conv2D(4, 1),
            keras.layers.BatchNormalization(momentum=0.5),
            keras.layers.Dropout(0.1),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    learner = Learner(model, [UNIT], average=average, **options)
    learner.compile(SGD(0.5, momentum=0.9), SoftCrossEntropy())
    return learner


def fit(learner):
    """One optimizer step."""
    learner.fit(IMAGES, LABELS, batch_size=6, shuffle=False, verbose=0)


def numbers(variables):
    return [ops.convert_to_numpy(variable) for variable in variables]


def follow(learner, shares):
    """The average that steps with these shares lead to, in NumPy."""
    average = numbers(learner.averaged_variables)
    for share in shares:
        fit(learner)
        new = numbers(learner.averaged_variables)
        average = [
            a + share * (w - a) for a, w in zip(average, new, strict=True)
        ]
    return average


@pytest.mark.parametrize(
    "average, shares",
    [
        (Ema(0.6, warmup=False), [0.4] * 4),
        (Ema(0.9), [1.0, 0.9, 9 / 11, 9 / 12, 9 / 13]),
        (Ema(0.2), [1.0, 0.9, 9 / 11, 0.8, 0.8]),
    ],
)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_optimizer_step_moves_it_once(average, shares, accumulate):
    learner = make_learner(average, accumulate=accumulate)
    expected = follow(learner, shares)
    assert len(expected) == 8  # weights of three layers, two statistics
    for got, want in zip(numbers(learner.averages), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=2e-6)


def test_share_keeps_its_digits():
    assert float(Ema(0.99998).share(10**6)) == pytest.approx(2e-5, rel=1e-6)
    assert float(Ema(0.9998).share(9)) == 0.5


def test_statistics_are_averaged_and_seeds_are_not():
    learner = make_learner(Ema(0.9))
    paths = [variable.path for variable in learner.averaged_variables]
    assert sum("moving" in path for path in paths) == 2
    assert not any("seed" in path for path in paths)


def test_swapping_in_and_out_changes_no_bit():
    learner = make_learner(Ema(0.9))
    for _ in range(3):
        fit(learner)
    for average in learner.averages:  # where adding and taking off would round
        average.assign(average * 1000 + 1 / 3)
    before = numbers(learner.variables)
    for _ in range(10):
        with learner.averaged():
            for got, want in zip(
                numbers(learner.averaged_variables),
                numbers(learner.averages),
                strict=True,
            ):
                np.testing.assert_array_equal(got, want)
    for got, want in zip(numbers(learner.variables), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_it_comes_back_also_after_an_error():
    learner = make_learner(Ema(0.9))
    fit(learner)
    fit(learner)
    before = numbers(learner.variables)
    with pytest.raises(RuntimeError), learner.averaged():
        raise RuntimeError
    for got, want in zip(numbers(learner.variables), before, strict=True):
        np.testing.assert_array_equal(got, want)


def test_training_does_not_see_the_average():
    with_it, without = make_learner(Ema(0.9)), make_learner(None)
    for _ in range(3):
        fit(with_it)
        fit(without)
    assert without.averages == []
    for got, want in zip(
        numbers(with_it.model.variables),
        numbers(without.model.variables),
        strict=True,
    ):
        np.testing.assert_array_equal(got, want)


def test_epochs_have_equal_shares():
    learner = make_learner(EpochMeans())
    seen = []
    for count in range(3):
        fit(learner)
        seen.append(numbers(learner.averaged_variables))
        learner.average_in(1 / (count + 1))
    for got, *three in zip(numbers(learner.averages), *seen, strict=True):
        np.testing.assert_allclose(got, np.mean(three, axis=0), atol=1e-6)


def test_the_average_is_not_saved_with_the_model(tmp_path):
    learner = make_learner(Ema(0.9))
    fit(learner)
    learner.model.save_weights(tmp_path / "x.weights.h5")
    other = make_learner(None)
    other.model.load_weights(tmp_path / "x.weights.h5")
    for got, want in zip(
        numbers(other.model.trainable_variables),
        numbers(learner.model.trainable_variables),
        strict=True,
    ):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5])
def test_bad_decays_are_refused(decay):
    with pytest.raises(ValueError, match=r"decay must be in \(0, 1\)"):
        Ema(decay)
