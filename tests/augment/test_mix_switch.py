import dataclasses
import json

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import (
    Augment,
    BatchTrick,
    CutMix,
    MixSwitch,
    MixUp,
    RandomFlip,
    Ricap,
    draws,
)

pytestmark = pytest.mark.traced

BATCH = 5  # an odd one


@dataclasses.dataclass(frozen=True)
class Mark(BatchTrick):
    """Writes a number into images and labels, so that a choice shows."""

    number: float = 0.0
    mixes = True

    def __call__(self, images, labels, keys):
        return ops.zeros_like(images) + self.number, labels * self.number


@pytest.fixture(scope="module")
def batch():
    """(images, one-hot labels) [5, ...]."""
    random = np.random.RandomState(0)
    images = random.normal(size=(BATCH, 4, 6, 3)).astype(np.float32)
    return images, np.eye(BATCH, dtype=np.float32)


def keys(step, count=BATCH):
    return np.array([[step, place] for place in range(count)], np.int32)


def marks(*numbers):
    return tuple(Mark(number) for number in numbers)


def numpy_of(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def choices(draw, bounds):
    """0 for no mixing, 1 for the first trick, ..."""
    return np.searchsorted(bounds, draw, side="right")


@pytest.mark.parametrize(
    "tricks, rate, switch, expected",
    [
        ((2,), 0.7, 0.5, [0.3, 0.7]),
        ((2, 3), 0.9, 0.2, [0.1, 0.72, 0.18]),
        ((2, 3, 4), 0.8, 0.3, [0.2, 0.56, 0.12, 0.12]),
        ((2, 3, 4), 0.5, 1.0, [0.5, 0, 0.25, 0.25]),
    ],
)
def test_each_trick_gets_its_share_of_the_samples(
    tricks, rate, switch, expected
):
    count = 4000
    mix = MixSwitch(marks(*tricks), rate, switch, per="sample")
    np.testing.assert_allclose(mix.shares(), expected, atol=1e-12)
    images = np.ones((count, 1, 1, 1), np.float32)
    labels = np.ones((count, 1), np.float32)
    found = numpy_of(Augment([mix])(images, labels, keys(1, count)))
    np.testing.assert_array_equal(found[0][:, 0, 0], found[1])
    shares = [np.mean(found[1] == number) for number in (1, *tricks)]
    assert sum(shares) == pytest.approx(1)
    np.testing.assert_allclose(shares, expected, atol=0.03)  # deviation .008
    for share, want in zip(shares, expected, strict=True):
        assert want not in (0, 1) or share == want


def test_each_trick_gets_its_share_of_the_batches():
    mix = MixSwitch(marks(2, 3, 4), rate=0.8, switch=0.5)
    compiled = Augment([mix])
    images, labels = np.ones((2, 1, 1, 1)), np.ones((2, 1), np.float32)
    seen = []
    for step in range(600):
        found = numpy_of(compiled(images, labels, keys(step, 2)))
        assert np.ptp(found[1]) == 0 and found[0].max() == found[1].max()
        seen.append(found[1][0, 0])
    shares = [np.mean(np.array(seen) == number) for number in (1, 2, 3, 4)]
    np.testing.assert_allclose(shares, [0.2, 0.4, 0.2, 0.2], atol=0.08)


@pytest.mark.slow
def test_a_batch_gets_exactly_what_the_chosen_trick_makes_of_it(batch):
    tricks = MixUp(1.0), CutMix(1.0), Ricap(1.0)
    mix = Augment([MixSwitch(tricks, rate=0.75, switch=2 / 3)])
    alone = [lambda *batch: batch, *(Augment([trick]) for trick in tricks)]
    seen = []
    for step in range(16):
        draw = float(draws.uniform(keys(step)[:1], "mix switch")[0, 0])
        chosen = int(choices(draw, [0.25, 0.5, 0.75]))
        expected = numpy_of(alone[chosen](*batch, keys(step))[:2])
        found = numpy_of(mix(*batch, keys(step)))
        for got, want in zip(found, expected, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-6)
        np.testing.assert_allclose(found[1].sum(axis=1), 1, atol=1e-6)
        seen.append(chosen)
    assert set(seen) == {0, 1, 2, 3}


def test_a_sample_gets_exactly_what_its_own_trick_makes_of_it(batch):
    random = np.random.RandomState(1)
    labels = (random.uniform(size=(BATCH, 4)) < 0.5).astype(np.float32)
    tricks = MixUp(1.0, per="sample"), CutMix(1.0, per="sample")
    mix = Augment([MixSwitch(tricks, rate=0.8, per="sample")])
    ways = [lambda *batch: batch, *(Augment([trick]) for trick in tricks)]
    seen = set()
    for step in range(4):
        drawn = draws.uniform(keys(step), "mix switch")
        chosen = choices(ops.convert_to_numpy(drawn)[:, 0], [0.2, 0.6])
        by_way = [
            numpy_of(way(batch[0], labels, keys(step))[:2]) for way in ways
        ]
        found = numpy_of(mix(batch[0], labels, keys(step)))
        for i, way in enumerate(chosen):
            for got, want in zip(found, by_way[way], strict=True):
                np.testing.assert_allclose(got[i], want[i], atol=1e-6)
        seen |= set(chosen.tolist())
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("per", ["batch", "sample"])
def test_rate_0_is_the_identity(per, batch):
    mix = MixSwitch((MixUp(1.0), CutMix(1.0)), rate=0.0, per=per)
    found = numpy_of(Augment([mix])(*batch, keys(1)))
    for got, want in zip(found, batch, strict=True):
        np.testing.assert_array_equal(got, want)


def test_bytes_become_numbers_even_where_nothing_is_mixed(batch):
    images = np.random.RandomState(1).randint(0, 256, (BATCH, 4, 6, 3))
    images = images.astype(np.uint8)
    mix = Augment([MixSwitch((MixUp(1.0), CutMix(1.0)), rate=0.5)])
    whole = 0
    for step in range(6):
        found = numpy_of(mix(images, batch[1], keys(step)))
        assert [got.dtype for got in found] == [np.float32, np.float32]
        draw = float(draws.uniform(keys(step)[:1], "mix switch")[0, 0])
        if draw < 0.5:
            whole += 1
            np.testing.assert_array_equal(found[0], images)
    assert 0 < whole < 6


def test_a_batch_of_one_stays_as_it_is(batch):
    images, labels = (values[:1] for values in batch)
    mix = Augment([MixSwitch((MixUp(1.0), CutMix(1.0)))])
    for step in range(4):
        found = numpy_of(mix(images, labels, keys(step, 1)))
        np.testing.assert_allclose(found[0], images, atol=1e-6)
        np.testing.assert_allclose(found[1], labels, atol=1e-6)


def test_the_same_keys_repeat_under_a_half_precision_policy_too(batch):
    tricks = MixUp(1.0), CutMix(1.0)
    mix = Augment([MixSwitch(tricks, per="sample")])
    first, other = (numpy_of(mix(*batch, keys(step))) for step in (1, 2))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        again = numpy_of(
            Augment([MixSwitch(tricks, per="sample")])(*batch, keys(1))
        )
    finally:
        keras.config.set_dtype_policy(before)
    for one, same, differs in zip(first, again, other, strict=True):
        assert one.dtype == same.dtype == np.float32
        np.testing.assert_array_equal(one, same)
        assert np.abs(one - differs).max() > 0.1


def test_config_round_trip():
    inner = MixSwitch((CutMix(0.5, per="sample"), Ricap(0.4)), switch=0.1)
    mix = MixSwitch((MixUp(0.3), inner), 0.9, 0.2, per="sample")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(mix)))
    assert keras.saving.deserialize_keras_object(config) == mix


@pytest.mark.parametrize("name", ["rate", "switch"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_bad_probability(name, value):
    rule = rf"{name} must be in \[0, 1\]\. Received: {name}={value}"
    with pytest.raises(ValueError, match=rule):
        MixSwitch((MixUp(0.2),), **{name: value})


def test_bad_per():
    rule = "per must be one of batch, sample. Received: per=epoch"
    with pytest.raises(ValueError, match=rule):
        MixSwitch((MixUp(0.2),), per="epoch")


@pytest.mark.parametrize("tricks", [(), (MixUp(0.2), RandomFlip())])
def test_bad_tricks(tricks):
    rule = r"tricks must be mixing tricks, at least one\. Received: tricks=\("
    with pytest.raises(ValueError, match=rule):
        MixSwitch(tricks)


def test_it_acts_in_training_alone_and_mixes():
    assert MixSwitch.training_only and MixSwitch.mixes
