import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.losses import SoftCrossEntropy, smooth_labels

pytestmark = pytest.mark.traced

CLASSES = 6


@pytest.fixture(scope="module")
def one_hot():
    return np.eye(CLASSES, dtype=np.float32)[[0, 3, 3, 5, 1]]


@pytest.fixture(scope="module")
def mixtures(one_hot):
    return (0.7 * one_hot + 0.3 * one_hot[::-1]).astype(np.float32)


@pytest.fixture(scope="module")
def logits():
    random = np.random.RandomState(0)
    return (4 * random.normal(size=(5, CLASSES))).astype(np.float32)


def log_softmax(logits):
    wide = logits.astype(np.float64)
    top = wide.max(axis=1, keepdims=True)
    return wide - top - np.log(np.exp(wide - top).sum(axis=1, keepdims=True))


def loss_of(loss, labels, logits):
    return float(
        loss(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits))
    )


@pytest.mark.parametrize("amount", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("kind", ["one_hot", "mixtures"])
def test_uniform_equals_keras_and_the_formula(amount, kind, logits, request):
    labels = request.getfixturevalue(kind)
    theirs = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=amount
    )
    found = loss_of(SoftCrossEntropy(amount), labels, logits)
    assert found == pytest.approx(loss_of(theirs, labels, logits), rel=1e-6)
    smoothed = (1 - amount) * labels + amount / CLASSES
    expected = -(smoothed * log_softmax(logits)).sum(axis=1).mean()
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("amount", [0.1, 0.5])
def test_others_is_the_papers_law(amount, one_hot, logits):
    found = loss_of(SoftCrossEntropy(amount, "others"), one_hot, logits)
    smoothed = np.where(one_hot == 1, 1 - amount, amount / (CLASSES - 1))
    expected = -(smoothed * log_softmax(logits)).sum(axis=1).mean()
    assert found == pytest.approx(expected, rel=1e-6)


def test_smoothed_one_hot_labels_at_hand_computed_points():
    label = np.array([[0, 1, 0, 0]], np.float32)
    np.testing.assert_allclose(
        smooth_labels(label, 0.2), [[0.05, 0.85, 0.05, 0.05]], rtol=1e-6
    )
    np.testing.assert_allclose(
        smooth_labels(label, 0.3, "others"), [[0.1, 0.7, 0.1, 0.1]], rtol=1e-6
    )


@pytest.mark.parametrize("law", ["uniform", "others"])
def test_mixtures_keep_their_mass_and_smooth_linearly(law, one_hot):
    mixed = 0.7 * one_hot + 0.3 * one_hot[::-1]
    smoothed = smooth_labels(mixed, 0.1, law)
    np.testing.assert_allclose(smoothed.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        smoothed,
        0.7 * smooth_labels(one_hot, 0.1, law)
        + 0.3 * smooth_labels(one_hot[::-1], 0.1, law),
        atol=1e-6,
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_are_summed_in_float32(dtype):
    # A half-precision sum of 1,000 small terms is wrong in the third digit.
    classes = 1000
    logits = np.zeros((1, classes), np.float32)
    logits[0, 0] = 12.0  # exact in both dtypes
    label = np.eye(1, classes, dtype=np.float32)
    half = ops.cast(ops.convert_to_tensor(logits), dtype)
    # `call` itself, without what Keras casts around it.
    (found,) = SoftCrossEntropy(0.1).call(label, half)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    smoothed = 0.9 * label + 0.1 / classes
    expected = -(smoothed * log_softmax(logits)).sum()
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_integer_labels_are_cast(one_hot, logits):
    found = loss_of(SoftCrossEntropy(), one_hot.astype(np.int32), logits)
    expected = -(one_hot * log_softmax(logits)).sum(axis=1).mean()
    assert found == pytest.approx(expected, rel=1e-6)


def test_huge_logits_do_not_overflow():
    logits = np.array([[1e4, 0.0], [0.0, 1e4]], np.float32)
    labels = np.array([[1, 0], [1, 0]], np.float32)
    assert loss_of(SoftCrossEntropy(), labels, logits) == 5000.0


def test_gradient_is_softmax_minus_the_smoothed_label(mixtures, logits):
    loss = SoftCrossEntropy(0.1, reduction="sum")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tensor = tf.constant(logits)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = loss(mixtures, tensor)
        found = tape.gradient(value, tensor).numpy()
    else:
        import jax

        found = jax.grad(lambda x: loss(mixtures, x))(logits)
    smoothed = 0.9 * mixtures + 0.1 / CLASSES
    np.testing.assert_allclose(
        found, np.exp(log_softmax(logits)) - smoothed, atol=1e-6
    )


def test_config_round_trip(one_hot, logits):
    loss = SoftCrossEntropy(0.2, "others", name="mine", reduction="sum")
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert again.get_config() == loss.get_config()
    assert (again.label_smoothing, again.smoothing) == (0.2, "others")
    assert loss_of(again, one_hot, logits) == loss_of(loss, one_hot, logits)


@pytest.mark.parametrize("amount", [-0.1, 1.0, float("nan")])
def test_bad_amounts(amount):
    message = r"label_smoothing must be in \[0, 1\).*label_smoothing="
    with pytest.raises(ValueError, match=message):
        SoftCrossEntropy(amount)


def test_unknown_laws():
    message = "smoothing must be one of uniform, others.*smoothing=paper"
    with pytest.raises(ValueError, match=message):
        SoftCrossEntropy(0.1, "paper")


def test_class_weights_are_torchs_of_soft_labels():
    """torch: -sum_c w_c q_c log p_c, mean over the images."""
    random = np.random.RandomState(0)
    logits = random.normal(size=(5, 4)).astype("float32")
    labels = random.dirichlet(np.ones(4), 5).astype("float32")
    weights = np.array([0.5, 2.0, 0.0, 1.0])
    loss = SoftCrossEntropy(0.1, class_weights=weights)
    smooth = 0.9 * labels + 0.1 / 4
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -(weights * smooth * log_p).sum(axis=1).mean()
    np.testing.assert_allclose(loss(labels, logits), expected, rtol=1e-5)
    again = SoftCrossEntropy.from_config(loss.get_config())
    np.testing.assert_allclose(again(labels, logits), expected, rtol=1e-5)
