"""Numbers against torch are in test_golden_losses.py."""

import numpy as np
import pytest
from keras import ops

from kerastricks.losses import (
    DistillationLoss,
    FeatureLoss,
    distillation_loss,
    feature_loss,
)

pytestmark = pytest.mark.traced


@pytest.fixture(scope="module")
def pair():
    random = np.random.RandomState(0)
    return (4 * random.normal(size=(2, 5, 10))).astype(np.float32)


def chances(logits):
    exponents = np.exp(np.asarray(logits, np.float64))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def test_hand_computed_points():
    # At T 2 the teacher's chances are 3/4 and 1/4, the student's are equal.
    teacher, student = 2 * np.log([[3.0, 1.0]]), np.zeros((1, 2))
    found = distillation_loss(student, teacher, 2.0)
    np.testing.assert_allclose(found, [4 * np.log(2)], rtol=1e-6)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    found = distillation_loss(student, teacher, 2.0, "kl")
    np.testing.assert_allclose(found, [4 * (np.log(2) - entropy)], rtol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_both_kinds_have_one_gradient(temperature, pair, value_and_gradient):
    """T (softmax(z / T) - softmax(r / T)), of each image."""
    student, teacher = pair
    expected = chances(student / temperature) - chances(teacher / temperature)
    for kind in ("ce", "kl"):
        _, found = value_and_gradient(
            lambda x, kind=kind: ops.sum(
                distillation_loss(x, teacher, temperature, kind)
            ),
            student,
        )
        np.testing.assert_allclose(found, temperature * expected, atol=2e-6)


def test_the_teacher_gets_no_gradient(pair, value_and_gradient):
    student, teacher = pair
    _, found = value_and_gradient(
        lambda x: ops.sum(
            distillation_loss(x, x, 2.0) + feature_loss(x, 0.5 * x)
        ),
        teacher,
    )
    # What is left of the second is the student's side: 2 (x - x / 2) / 10.
    np.testing.assert_allclose(found, teacher / 10, atol=1e-6)


def test_a_good_student_leaves_no_kl(pair):
    student, _ = pair
    shifted = student + 3.0  # the same chances
    found = distillation_loss(shifted, student, 4.0, "kl")
    np.testing.assert_allclose(found, np.zeros(5), atol=1e-5)


def test_class_is_the_mean_over_images(pair):
    student, teacher = pair
    for kind in ("ce", "kl"):
        expected = np.mean(distillation_loss(student, teacher, 4.0, kind))
        found = DistillationLoss(4.0, kind)(teacher, student)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_features_of_any_rank():
    student = np.zeros((2, 3, 3, 4), np.float32)
    teacher = np.stack([np.ones((3, 3, 4)), np.full((3, 3, 4), 2.0)])
    np.testing.assert_allclose(feature_loss(student, teacher), [1, 4])
    half = ops.cast(teacher, "bfloat16")
    np.testing.assert_allclose(feature_loss(student, half), [1, 4])


def test_features_of_unequal_shapes():
    message = r"equal shapes. Received: \(2, 3\) and \(2, 4\)"
    with pytest.raises(ValueError, match=message):
        feature_loss(np.zeros((2, 3)), np.zeros((2, 4)))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"temperature": 0}, "temperature must be above 0.*temperature=0"),
        ({"temperature": float("inf")}, "temperature must be above 0"),
        ({"kind": "mse"}, "kind must be one of ce, kl.*kind=mse"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DistillationLoss(**arguments)


def test_kl_keeps_its_digits_at_high_temperatures():
    """The plain formula, torch's too, is 2e-5 off here: T^2 is 400."""
    random = np.random.RandomState(0)
    student, teacher = (3 * random.normal(size=(2, 8, 1000))).astype(np.float32)
    p, q = chances(teacher / 20.0), chances(student / 20.0)
    expected = 400 * (p * np.log(p / q)).sum(axis=1)
    found = distillation_loss(student, teacher, 20.0, "kl")
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_feature_loss_of_a_batch_is_the_mean():
    student, teacher = np.zeros((2, 3)), np.array([[1.0] * 3, [2.0] * 3])
    assert float(FeatureLoss()(teacher, student)) == pytest.approx(2.5)
    config = FeatureLoss().get_config()
    assert FeatureLoss.from_config(config).name == "features"
