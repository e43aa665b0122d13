import keras
import numpy as np
import pytest

from kerastricks.losses import (
    BinaryCrossentropy,
    DistillationLoss,
    Focal,
    JsdLoss,
    SoftCrossEntropy,
)
from kerastricks.losses.labels import label_rows, smooth_labels

pytestmark = pytest.mark.traced

CLASSES = 4
ONE_CLASS = [
    SoftCrossEntropy(0.1),
    BinaryCrossentropy(0.1, smoothing="uniform"),
    Focal(label_smoothing=0.1),
    Focal(multi_label=True),
]


def name_of(loss):
    return type(loss).__name__


EVERY = [*ONE_CLASS, JsdLoss(views=2), DistillationLoss()]


@pytest.fixture(scope="module")
def logits():
    random = np.random.RandomState(0)
    return (3 * random.normal(size=(6, CLASSES))).astype(np.float32)


NUMBERS = np.array([2, 0, 3, 3, 1, 0])


@pytest.mark.parametrize("loss", [*ONE_CLASS, JsdLoss(views=2)], ids=name_of)
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float32"])
def test_numbers_are_as_good_as_rows(loss, dtype, logits):
    expected = loss(np.eye(CLASSES)[NUMBERS], logits)
    for numbers in (NUMBERS, NUMBERS[:, None]):
        found = loss(numbers.astype(dtype), logits)
        np.testing.assert_allclose(found, expected, rtol=1e-7)


@pytest.mark.parametrize("loss", [SoftCrossEntropy(0.1), BinaryCrossentropy()])
@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, CLASSES)], ids=str)
def test_in_a_plain_fit(loss, shape, logits):
    """One step of gradient descent on a model that only has a bias."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(CLASSES)])
    labels = np.eye(CLASSES)[NUMBERS] if shape[1:] == (CLASSES,) else NUMBERS
    model.compile(keras.optimizers.SGD(1.0), loss)
    model.fit(
        np.zeros((6, 1)), np.reshape(labels, shape), batch_size=6, verbose=0
    )
    counts = np.bincount(NUMBERS, minlength=CLASSES) / 6
    smoothed = 0.9 * counts + 0.1 / CLASSES
    expected = {
        "soft_cross_entropy": smoothed - 1 / CLASSES,
        "binary_crossentropy": (counts - 0.5) / CLASSES,
    }[loss.name]
    np.testing.assert_allclose(model.layers[0].bias, expected, atol=1e-6)


@pytest.mark.parametrize("loss", ONE_CLASS, ids=name_of)
@pytest.mark.parametrize("number", [-1, CLASSES])
def test_a_class_that_is_not_there_is_noticed(loss, number, logits):
    assert np.isnan(loss(np.array([0, number]), logits[:2]))


def test_a_threshold_does_not_hide_it(logits):
    loss = BinaryCrossentropy(target_threshold=0.2)
    assert np.isnan(loss(np.array([CLASSES]), logits[:1]))


def test_one_question_has_no_class_numbers():
    """[B] and [B, 1] with one logit an image: yes or no."""
    answers = np.array([0.0, 1.0, 0.3])
    for labels in (answers, answers[:, None]):
        rows = np.asarray(label_rows(labels, 1))
        np.testing.assert_allclose(rows, answers[:, None], rtol=1e-6)


@pytest.mark.parametrize("loss", ONE_CLASS, ids=name_of)
def test_rows_of_another_width(loss, logits):
    message = r"rows \[B, C\]. Received: labels of shape \(6, 3\), 4 classes"
    with pytest.raises(ValueError, match=message):
        loss(np.ones((6, 3)), logits)


def test_half_moves_every_target_towards_the_middle():
    found = smooth_labels(np.array([[0.0, 1.0, 0.25]]), 0.2, "half")
    np.testing.assert_allclose(found, [[0.1, 0.9, 0.3]], rtol=1e-6)


@pytest.mark.parametrize(
    "loss", [SoftCrossEntropy, BinaryCrossentropy, Focal], ids=name_of
)
def test_class_weights_of_another_length(loss, logits):
    message = "a number for each class. Received: 3 numbers, 4 classes"
    with pytest.raises(ValueError, match=message):
        loss(class_weights=[1, 2, 3])(NUMBERS, logits)


@pytest.mark.parametrize("loss", EVERY, ids=name_of)
@pytest.mark.parametrize("size", [100.0, 1e4])
def test_sure_and_wrong_gradients_are_finite(loss, size, value_and_gradient):
    logits = np.full((4, CLASSES), -size, np.float32)
    logits[[0, 1, 2, 3], [0, 1, 2, 3]] = size
    for labels in (np.eye(CLASSES), np.eye(CLASSES)[::-1]):
        if isinstance(loss, DistillationLoss):
            labels = 200 * labels - 100
        value, gradient = value_and_gradient(
            lambda x, labels=labels: loss(labels, x), logits
        )
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() < 20
    assert np.abs(gradient).max() > 0.01  # every image is wrong: it teaches


@pytest.mark.parametrize("loss", EVERY, ids=name_of)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_are_summed_in_float32(loss, dtype):
    logits = np.array([[8.0, -8, 4, 0], [2, -4, 8, 8]])  # exact in both
    labels = np.eye(CLASSES, dtype=np.float32)[:2]
    # `call` itself, without what Keras casts around it.
    found = loss.call(labels, keras.ops.cast(logits, dtype))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    expected = loss.call(labels, logits.astype(np.float32))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "loss",
    [
        SoftCrossEntropy(0.2, "others", [1, 2, 3, 4], name="a"),
        BinaryCrossentropy(0.2, 0.3, "uniform", True, [1, 2, 3, 4]),
        Focal(1.5, 0.3, True, 0.2, [1, 2, 3, 4], reduction="sum"),
        JsdLoss(7.0, 0.2, 2),
        DistillationLoss(3.0, "kl"),
    ],
    ids=name_of,
)
def test_config_round_trip(loss, logits):
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert type(again) is type(loss)
    assert vars(again).keys() == vars(loss).keys()
    assert again.get_config() == loss.get_config()
    labels = np.eye(CLASSES, dtype=np.float32)[NUMBERS]
    np.testing.assert_array_equal(again(labels, logits), loss(labels, logits))
    plain = type(loss)().get_config()
    same = [key for key in plain if plain[key] == loss.get_config()[key]]
    assert set(same) <= {"name", "reduction"}
