import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.losses import BinaryCrossentropy

pytestmark = pytest.mark.traced

CLASSES = 5


@pytest.fixture(scope="module")
def labels():
    """Several, one, all and no classes."""
    rows = [[1, 0, 1, 0, 0], [0, 0, 0, 1, 0], [1] * 5, [0] * 5]
    return np.array(rows, np.float32)


@pytest.fixture(scope="module")
def logits():
    random = np.random.RandomState(0)
    return (4 * random.normal(size=(4, CLASSES))).astype(np.float32)


def losses(labels, logits):
    """By the definition, in float64: [B, C]."""
    chances = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return -labels * np.log(chances) - (1 - labels) * np.log(1 - chances)


def loss_of(loss, labels, logits):
    return float(
        loss(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits))
    )


@pytest.mark.parametrize("amount", [0.0, 0.1, 0.5])
def test_equals_keras_and_the_formula(amount, labels, logits):
    theirs = keras.losses.BinaryCrossentropy(
        from_logits=True, label_smoothing=amount
    )
    found = loss_of(BinaryCrossentropy(amount), labels, logits)
    assert found == pytest.approx(loss_of(theirs, labels, logits), rel=1e-6)
    smoothed = (1 - amount) * labels + amount / 2
    expected = losses(smoothed, logits).mean()
    assert found == pytest.approx(expected, rel=1e-6)


def test_hand_computed_points():
    # log 2 at logit 0, whatever the label; log 4/3 and log 4 at log 3
    third = np.log(3)
    logits = np.array([[0, 0], [third, -third], [third, third]], np.float32)
    labels = np.array([[0, 1], [1, 0], [1, 0]], np.float32)
    found = BinaryCrossentropy(reduction="none")(labels, logits)
    expected = np.log([2, 4 / 3, (16 / 3) ** 0.5])
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-6)
    # Smoothed by 0.2 the targets are 0.9 and 0.1.
    found = loss_of(BinaryCrossentropy(0.2), labels[1:2], logits[1:2])
    expected = 0.9 * np.log(4 / 3) + 0.1 * np.log(4)
    assert found == pytest.approx(expected, rel=1e-6)


def test_mixtures_of_labels_mix_the_losses(labels, logits):
    loss = BinaryCrossentropy(0.1)
    mixed = 0.7 * labels + 0.3 * labels[::-1]
    expected = 0.7 * loss_of(loss, labels, logits) + 0.3 * loss_of(
        loss, labels[::-1].copy(), logits
    )
    assert loss_of(loss, mixed, logits) == pytest.approx(expected, rel=1e-6)


def test_small_losses_are_exact_and_huge_logits_do_not_overflow():
    labels = np.array([[1, 0]], np.float32)
    sure = np.array([[20, -30]], np.float32)
    expected = (np.exp(-20.0) + np.exp(-30.0)) / 2
    found = loss_of(BinaryCrossentropy(), labels, sure)
    assert found == pytest.approx(expected, rel=1e-5)
    huge = np.array([[-1e4, 1e4]], np.float32)
    assert loss_of(BinaryCrossentropy(), labels, huge) == 1e4
    assert loss_of(BinaryCrossentropy(), labels, -huge) == 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_are_summed_in_float32(dtype):
    # exp(-12) is below float16's smallest normal number.
    logits = ops.cast(np.array([[12.0, -12.0]], np.float32), dtype)
    labels = np.array([[1, 0]], np.float32)
    # `call` itself, without what Keras casts around it.
    (found,) = BinaryCrossentropy().call(labels, logits)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == pytest.approx(np.exp(-12.0), rel=1e-5)


def test_integer_labels_are_cast(labels, logits):
    found = loss_of(BinaryCrossentropy(), labels.astype(np.int32), logits)
    assert found == pytest.approx(losses(labels, logits).mean(), rel=1e-6)


def test_gradient_is_sigmoid_minus_the_smoothed_label(labels, logits):
    loss = BinaryCrossentropy(0.1, reduction="sum")
    logits = logits.copy()
    logits[:, 0] = 0  # where relu and abs have no derivative
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tensor = tf.constant(logits)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = loss(labels, tensor)
        found = tape.gradient(value, tensor).numpy()
    else:
        import jax

        found = jax.grad(lambda x: loss(labels, x))(logits)
    expected = 1 / (1 + np.exp(-logits)) - (0.9 * labels + 0.05)
    np.testing.assert_allclose(found, expected / CLASSES, atol=1e-6)


def test_config_round_trip(labels, logits):
    loss = BinaryCrossentropy(0.2, name="mine", reduction="sum")
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert type(again) is BinaryCrossentropy
    assert again.get_config() == loss.get_config()
    assert again.label_smoothing == 0.2
    assert loss_of(again, labels, logits) == loss_of(loss, labels, logits)


@pytest.mark.parametrize("amount", [-0.1, 1.0, float("nan")])
def test_bad_amounts(amount):
    message = r"label_smoothing must be in \[0, 1\).*label_smoothing="
    with pytest.raises(ValueError, match=message):
        BinaryCrossentropy(amount)


def test_threshold_counts_both_classes_of_a_mixture(logits):
    """timm's order: smoothed, mixed, then cut."""
    labels = np.array([[0.7, 0.3, 0, 0, 0], [0, 0, 0.85, 0, 0.15]])
    full = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0]])
    loss = BinaryCrossentropy(0.1, 0.2, "uniform")
    expected = losses(full, logits[:2]).mean()
    assert loss_of(loss, labels, logits[:2]) == pytest.approx(expected, 1e-6)


def test_threshold_is_above_not_at(logits):
    labels = np.array([[0.5, 0.25, 0, 1, 0.75]], np.float32)
    loss = BinaryCrossentropy(target_threshold=0.5)
    expected = losses(np.array([[0, 0, 0, 1, 1]]), logits[:1]).mean()
    assert loss_of(loss, labels, logits[:1]) == pytest.approx(expected, 1e-6)


def test_sum_and_weights_of_classes(labels, logits):
    weights = np.array([0.5, 2.0, 0.0, 1.0, 3.0])
    loss = BinaryCrossentropy(sum_classes=True, class_weights=weights)
    expected = (weights * losses(labels, logits)).sum(axis=1).mean()
    assert loss_of(loss, labels, logits) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"smoothing": "others"}, "must be one of half, uniform.*=others"),
        ({"target_threshold": 1.0}, r"in \[0, 1\), or None.*threshold=1.0"),
    ],
)
def test_bad_laws(arguments, message):
    with pytest.raises(ValueError, match=message):
        BinaryCrossentropy(**arguments)
