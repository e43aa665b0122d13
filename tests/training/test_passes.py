import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Normalize
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.training import Learner
from kerastricks.training.passes import joined, micro_passes, one_pass, split

pytestmark = pytest.mark.traced

BATCH, CLASSES = 12, 3
UNIT = Normalize((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))


@pytest.fixture(scope="module")
def data():
    random = np.random.RandomState(0)
    images = random.uniform(-1, 1, (BATCH, 4, 4, 3)).astype(np.float32)
    labels = np.eye(CLASSES, dtype=np.float32)[random.randint(0, 3, BATCH)]
    return ops.convert_to_tensor(images), ops.convert_to_tensor(labels)


def make_learner(*between, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Conv2D(4, 3, activation="tanh"),
            *between,
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, kernel_regularizer="l2"),
        ]
    )
    learner = Learner(model, [UNIT], **options)
    learner.compile(SGD(0.1, momentum=0.9), SoftCrossEntropy(0.1))
    learner.optimizer.build(learner.trainable_variables)
    return learner


def values(variables):
    return [ops.convert_to_numpy(variable) for variable in variables]


def now(learner):
    """(weights, state) as tensors."""
    return (
        [v.value for v in learner.trainable_variables],
        [v.value for v in learner.model.non_trainable_variables],
    )


def test_rows_are_dealt_out_and_come_back():
    rows = ops.arange(12)
    np.testing.assert_array_equal(
        split(rows, 3), [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
    )
    np.testing.assert_array_equal(
        split(rows, 2, together=3), [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]
    )
    for together in (1, 3):
        table = ops.reshape(ops.arange(24), (12, 2))
        np.testing.assert_array_equal(
            joined(split(table, 2, together), together), table
        )


def test_gradients_are_the_slopes_of_the_loss(data):
    learner = make_learner()
    weights, state = now(learner)
    found = one_pass(learner, weights, state, data, 4.0)
    for place, step in ((0, 1e-2), (3, 1e-2)):
        direction = np.random.RandomState(1).normal(size=weights[place].shape)
        losses = [
            float(
                one_pass(
                    learner,
                    [
                        w + sign * step * direction if i == place else w
                        for i, w in enumerate(weights)
                    ],
                    state,
                    data,
                    4.0,
                ).loss
            )
            for sign in (-1, 1)
        ]
        slope = (losses[1] - losses[0]) / (2 * step)
        along = (ops.convert_to_numpy(found.gradients[place]) * direction).sum()
        assert along == pytest.approx(4 * slope, rel=2e-2)


def test_loss_and_logits_are_kerass_own(data):
    learner = make_learner()
    weights, state = now(learner)
    found = one_pass(learner, weights, state, data, 1.0)
    logits = learner.model(data[0])
    loss = SoftCrossEntropy(0.1)(data[1], logits) + sum(learner.model.losses)
    np.testing.assert_allclose(found.logits, logits, atol=1e-6)
    assert float(found.loss) == pytest.approx(float(loss), rel=1e-6)


def test_a_pass_changes_no_variable_but_tells_the_state(data):
    learner = make_learner(
        keras.layers.BatchNormalization(momentum=0.5), keras.layers.Dropout(0.5)
    )
    weights, state = now(learner)
    before = values(learner.variables)
    found = one_pass(learner, weights, state, data, 1.0)
    for was, is_now in zip(before, values(learner.variables), strict=True):
        np.testing.assert_array_equal(was, is_now)
    mean = ops.convert_to_numpy(learner.model.layers[0](data[0]))
    np.testing.assert_allclose(
        found.state[0], 0.5 * mean.mean(axis=(0, 1, 2)), atol=1e-6
    )
    seed_before, seed_after = values([state[-1], found.state[-1]])
    assert (seed_before != seed_after).any()


@pytest.mark.parametrize("together", [1, 2])
@pytest.mark.parametrize("parts", [2, 3, 6])
def test_micro_batches_add_up_to_the_whole(data, parts, together):
    learner = make_learner()
    weights, state = now(learner)
    whole = one_pass(learner, weights, state, data, 8.0)
    found = micro_passes(learner, weights, state, data, 8.0, parts, together)
    assert float(found.loss) == pytest.approx(float(whole.loss), rel=1e-6)
    np.testing.assert_allclose(found.logits, whole.logits, atol=1e-6)
    for got, want in zip(found.gradients, whole.gradients, strict=True):
        largest = float(ops.max(ops.abs(want)))
        np.testing.assert_allclose(got, want, atol=2e-6 * largest)


def test_batch_norm_sees_one_micro_batch_after_the_other(data):
    learner = make_learner(keras.layers.BatchNormalization(momentum=0.5))
    weights, state = now(learner)
    found = micro_passes(learner, weights, state, data, 1.0, 2)
    maps = ops.convert_to_numpy(learner.model.layers[0](data[0]))
    first, second = (maps[i::2].mean(axis=(0, 1, 2)) for i in (0, 1))
    np.testing.assert_allclose(
        found.state[0], 0.25 * first + 0.5 * second, atol=1e-6
    )


@pytest.mark.parametrize("parts", [2, 4])
def test_a_fit_with_micro_batches_is_the_fit_without(data, parts):
    images, labels = values(data)
    whole, parted = make_learner(), make_learner(accumulate=parts)
    for learner in (whole, parted):
        history = learner.fit(
            *(255 * images, labels.argmax(1)),
            batch_size=BATCH,
            epochs=5,
            verbose=0,
        ).history
        assert int(learner.optimizer.iterations) == 5
        learner.numbers = history["loss"] + history["top1"]
    np.testing.assert_allclose(parted.numbers, whole.numbers, rtol=1e-6)
    for got, want in zip(
        values(parted.trainable_variables),
        values(whole.trainable_variables),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_there_is_at_least_one_part():
    with pytest.raises(ValueError, match="accumulate must be at least 1"):
        make_learner(accumulate=0)
