import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.training.soft_accuracy import SoftAccuracy, soft_hits

pytestmark = pytest.mark.traced

LOGITS = np.array(
    [[5, 1, 0], [0, 2, 1], [0, 1, 9], [3, 2, 1]], np.float32
)  # classes 0, 1, 2, 0


def test_plain_accuracy_on_one_hot_labels():
    labels = np.eye(3, dtype=np.float32)[[0, 1, 0, 2]]
    hits = ops.convert_to_numpy(soft_hits(labels, LOGITS))
    np.testing.assert_array_equal(hits, [1, 1, 0, 0])


def test_the_predicted_classs_share_of_a_mixture():
    labels = np.array(
        [[0.7, 0.3, 0], [0.7, 0.3, 0], [0.7, 0.3, 0], [0.2, 0.2, 0.6]],
        np.float32,
    )
    hits = ops.convert_to_numpy(soft_hits(labels, LOGITS))
    np.testing.assert_allclose(hits, [0.7, 0.3, 0, 0.2], rtol=1e-6)


def test_mixup_weights_the_accuracies_of_both_labels():
    one, other = (
        np.eye(3, dtype=np.float32)[labels]
        for labels in ([0, 1, 2, 1], [1, 1, 0, 0])
    )
    mixed = 0.8 * one + 0.2 * other
    expected = 0.8 * 3 / 4 + 0.2 * 2 / 4
    found = ops.convert_to_numpy(soft_hits(mixed, LOGITS)).mean()
    assert found == pytest.approx(expected, rel=1e-6)


def test_any_of_several_labels_is_a_hit_and_of_none_nothing():
    labels = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 0, 0]], np.float32)
    for k, expected in ((1, [1, 0, 1, 0]), (2, [1, 1, 1, 0])):
        hits = ops.convert_to_numpy(soft_hits(labels, LOGITS, k))
        np.testing.assert_array_equal(hits, expected)


def test_the_shares_of_the_k_best_classes_count():
    labels = np.array([[0.7, 0.3, 0], [0.7, 0.3, 0], [0.2, 0.2, 0.6]])
    for k, expected in ((1, [0.7, 0.3, 0.6]), (2, [1.0, 0.3, 0.8])):
        hits = ops.convert_to_numpy(soft_hits(labels, LOGITS[:3], k))
        np.testing.assert_allclose(hits, expected, rtol=1e-6)
    hits = ops.convert_to_numpy(soft_hits(labels, LOGITS[:3], 3))
    np.testing.assert_allclose(hits, 1, rtol=1e-6)


def test_equal_logits_go_to_the_smaller_index():
    labels = np.eye(3, dtype=np.float32)
    for k in (1, 2):
        hits = ops.convert_to_numpy(soft_hits(labels, 0 * LOGITS[:3], k))
        np.testing.assert_array_equal(hits, np.arange(3) < k)


def test_the_metric_is_the_mean_over_images_not_batches():
    labels = np.eye(3, dtype=np.float32)[[0, 1, 0, 2]]
    metric = SoftAccuracy()
    metric.update_state(labels[:3], LOGITS[:3])  # 2 of 3
    metric.update_state(labels[3:], LOGITS[3:])  # 0 of 1
    assert float(metric.result()) == 0.5
    metric.reset_state()
    metric.update_state(labels[:1], LOGITS[:1])
    assert float(metric.result()) == 1.0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits(dtype):
    labels = np.eye(3, dtype=np.float32)[[0, 1, 0, 2]]
    hits = soft_hits(labels, ops.cast(LOGITS, dtype))
    assert keras.backend.standardize_dtype(hits.dtype) == "float32"
    np.testing.assert_array_equal(ops.convert_to_numpy(hits), [1, 1, 0, 0])


def test_config_round_trip():
    metric = SoftAccuracy(name="mine", k=2)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(metric)
    )
    assert type(again) is SoftAccuracy
    assert (again.name, again.k) == ("mine", 2)
    again.update_state(np.eye(3, dtype=np.float32)[[0, 1, 1, 2]], LOGITS)
    assert float(again.result()) == 0.75
