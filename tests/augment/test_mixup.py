import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, MixUp, draws, mixup_batch
from kerastricks.augment.beta import beta_from_uniform

pytestmark = pytest.mark.traced

BATCH, CLASSES = 12, 5


@pytest.fixture(scope="module")
def batch():
    """(images, one-hot labels) [12, ...]."""
    random = np.random.RandomState(0)
    images = random.normal(size=(BATCH, 2, 3, 3)).astype(np.float32)
    labels = np.eye(CLASSES, dtype=np.float32)[
        random.randint(0, CLASSES, BATCH)
    ]
    return images, labels


def keys(step, count=BATCH):
    return np.array([[step, place] for place in range(count)], np.int32)


def numpy_of(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_every_value_is_the_formulas(weight, batch):
    order = np.random.RandomState(1).permutation(BATCH)
    found = numpy_of(
        mixup_batch(*map(ops.convert_to_tensor, batch), weight, order)
    )
    for got, values in zip(found, batch, strict=True):
        assert got.dtype == np.float32
        for i in range(BATCH):
            np.testing.assert_allclose(
                got[i],
                weight * values[i] + (1 - weight) * values[order[i]],
                atol=1e-6,
            )


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_weight_and_partners_come_from_the_keys(alpha, batch):
    for step in range(5):
        draw = draws.uniform(keys(step)[:1], "mixup weight")[0, 0]
        weight = float(beta_from_uniform(draw, alpha))
        order = ops.convert_to_numpy(
            draws.permutation(keys(step), "mixup order")
        )
        found = numpy_of(
            MixUp(alpha)(*map(ops.convert_to_tensor, batch), keys(step))
        )
        for got, values in zip(found, batch, strict=True):
            np.testing.assert_allclose(
                got, weight * values + (1 - weight) * values[order], atol=1e-6
            )


def test_one_weight_for_the_batch_and_another_for_the_next(batch):
    # Labels that mark each sample: the weight can be read off.
    marks = ops.convert_to_tensor(np.eye(BATCH, dtype=np.float32))
    weights = []
    for step in range(6):
        mixed = ops.convert_to_numpy(MixUp(1.0)(batch[0], marks, keys(step))[1])
        own = np.diag(mixed)[np.diag(mixed) < 1 - 1e-6]  # 1: its own partner
        assert len(own) > BATCH / 2 and np.ptp(own) < 1e-6
        weights.append(own[0])
    assert len(np.unique(np.round(weights, 3))) == 6


def test_a_weight_for_each_sample_is_at_least_a_half(batch):
    count = BATCH - 1
    images, labels = (values[:count] for values in batch)
    own_keys = keys(1, count)
    drawn = draws.uniform(own_keys, "mixup weight")[:, 0]
    weights = ops.convert_to_numpy(beta_from_uniform(drawn, 0.6))
    weights = np.maximum(weights, 1 - weights)
    assert len(np.unique(weights)) == count and weights.min() < 0.8
    order = ops.convert_to_numpy(draws.permutation(own_keys, "mixup order"))
    trick = Augment([MixUp(0.6, per="sample")])
    found = numpy_of(trick(images, labels, own_keys))
    for got, values in zip(found, (images, labels), strict=True):
        own = weights.reshape(-1, *[1] * (values.ndim - 1))
        expected = own * values + (1 - own) * values[order]
        np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("count", [1, BATCH - 1])
@pytest.mark.parametrize("partner", ["permutation", "roll", "reverse"])
def test_partners(partner, count, batch):
    images, labels = (values[:count] for values in batch)
    order = {
        "permutation": ops.convert_to_numpy(
            draws.permutation(keys(3, count), "mixup order")
        ),
        "roll": np.roll(np.arange(count), 1),
        "reverse": np.arange(count)[::-1],
    }[partner]
    draw = draws.uniform(keys(3, count)[:1], "mixup weight")[0, 0]
    weight = float(beta_from_uniform(draw, 1.0))
    trick = Augment([MixUp(1.0, partner=partner)])
    found = numpy_of(trick(images, labels, keys(3, count)))
    for got, values in zip(found, (images, labels), strict=True):
        expected = weight * values + (1 - weight) * values[order]
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_bytes_and_multi_labels():
    random = np.random.RandomState(2)
    images = random.randint(0, 256, (BATCH, 2, 3, 3)).astype(np.uint8)
    labels = (random.uniform(size=(BATCH, CLASSES)) < 0.5).astype(np.float32)
    weights = random.uniform(size=BATCH).astype(np.float32)
    order = random.permutation(BATCH)
    tensors = map(ops.convert_to_tensor, (images, labels, weights, order))
    found = numpy_of(mixup_batch(*tensors))
    for got, values in zip(found, (images, labels), strict=True):
        own = weights.reshape(-1, *[1] * (values.ndim - 1))
        expected = own * values + (1 - own) * values[order].astype(float)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_labels_keep_their_mass(batch):
    for step in range(10):
        mixed = MixUp(0.2)(*map(ops.convert_to_tensor, batch), keys(step))[1]
        mass = ops.convert_to_numpy(mixed).sum(axis=1)
        np.testing.assert_allclose(mass, 1, atol=1e-6)


def test_a_small_alpha_leaves_images_nearly_whole(batch):
    found = numpy_of(MixUp(1e-3)(*map(ops.convert_to_tensor, batch), keys(3)))
    order = ops.convert_to_numpy(draws.permutation(keys(3), "mixup order"))
    own = np.allclose(found[0], batch[0], atol=1e-5)
    partner = np.allclose(found[0], batch[0][order], atol=1e-5)
    assert own or partner


def test_float32_under_half_precision_policies(batch):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = numpy_of(
            MixUp(0.2)(*map(ops.convert_to_tensor, batch), keys(1))
        )
    finally:
        keras.config.set_dtype_policy(before)
    assert [got.dtype for got in found] == [np.float32, np.float32]


def test_config_round_trip():
    trick = MixUp(0.4, per="sample", partner="reverse")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    assert keras.saving.deserialize_keras_object(config) == trick


@pytest.mark.parametrize("alpha", [0.0, -0.2, float("nan")])
def test_bad_alpha(alpha):
    with pytest.raises(ValueError, match=r"alpha must be above 0.*alpha="):
        MixUp(alpha)


@pytest.mark.parametrize(
    "name, choices",
    [("per", "batch, sample"), ("partner", "permutation, roll, reverse")],
)
def test_bad_choice(name, choices):
    rule = f"{name} must be one of {choices}. Received: {name}=pair"
    with pytest.raises(ValueError, match=rule):
        MixUp(**{name: "pair"})


def test_it_acts_in_training_alone_and_mixes():
    assert MixUp.training_only and MixUp.mixes
