import dataclasses
import functools

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import (
    Augment,
    BatchTrick,
    ColorJitter,
    CutMix,
    MixUp,
    Normalize,
    PcaNoise,
    RandomFlip,
    RandomGrayscale,
    draws,
)
from kerastricks.augment.augment import in_turn
from kerastricks.augment.beta import beta_from_uniform

pytestmark = pytest.mark.traced

MEAN, STD = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0)
KEYS = np.array([[3, place] for place in range(8)], np.int32)


@dataclasses.dataclass(frozen=True)
class Plus(BatchTrick):
    """Adds a number, so that an order of tricks shows."""

    number: float = 0.0

    def __call__(self, images, labels, keys):
        return images * 2 + self.number, labels


@pytest.fixture(scope="module")
def images():
    return np.random.RandomState(0).randint(0, 256, (8, 4, 6, 3), np.uint8)


@pytest.fixture(scope="module")
def labels():
    return np.eye(8, dtype=np.float32)


@pytest.fixture(scope="module")
def augment():
    return Augment([RandomFlip(0.5), Normalize(MEAN, STD), MixUp(1.0)])


def numpy_of(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def expected(images, labels, mix=True):
    """The whole chain in NumPy, from the draws that the keys give."""
    chosen = ops.convert_to_numpy(draws.uniform(KEYS, "flip"))[:, 0] < 0.5
    images = np.where(
        chosen[:, None, None, None], images[:, :, ::-1], images
    ).astype(np.float64)
    images = (images - np.array(MEAN)) / np.array(STD)
    if mix:
        draw = draws.uniform(KEYS[:1], "mixup weight")[0, 0]
        weight = float(beta_from_uniform(draw, 1.0))
        order = ops.convert_to_numpy(draws.permutation(KEYS, "mixup order"))
        images = weight * images + (1 - weight) * images[order]
        labels = weight * labels + (1 - weight) * labels[order]
    return images, labels


def test_tricks_act_in_turn(images, labels):
    ones = np.ones((8, 1, 1, 3), np.float32)
    one = Augment([Plus(1), Plus(10)])(ones, labels, KEYS)[0]
    other = Augment([Plus(10), Plus(1)])(ones, labels, KEYS)[0]
    assert (one[0, 0, 0, 0], other[0, 0, 0, 0]) == (16, 25)


def test_a_whole_chain_equals_numpy(augment, images, labels):
    found = numpy_of(augment(images, ops.convert_to_tensor(labels), KEYS))
    for got, want in zip(found, expected(images, labels), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_compiled_equals_eager(augment, images, labels):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(augment.__call__, jit_compile=True)
    else:
        import jax

        compiled = jax.jit(augment.__call__)
    tensors = [ops.convert_to_tensor(x) for x in (images, labels, KEYS)]
    for got, want in zip(
        numpy_of(compiled(*tensors)), numpy_of(augment(*tensors)), strict=True
    ):
        np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("way", ["eager", "graph", "xla"])
def test_inside_and_outside_of_other_functions(way, augment, images, labels):
    def step(images, labels, keys):
        images, labels = augment(images, labels, keys)
        return images + 1, labels

    compiled = {"eager": lambda function: function}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled["graph"] = tf.function
        compiled["xla"] = lambda step: tf.function(step, jit_compile=True)
    else:
        import jax

        compiled["graph"] = compiled["xla"] = jax.jit
    tensors = [ops.convert_to_tensor(x) for x in (images, labels, KEYS)]
    found = numpy_of(compiled[way](step)(*tensors))
    want = expected(images, labels)
    np.testing.assert_allclose(found[0], want[0] + 1, atol=1e-5)
    np.testing.assert_allclose(found[1], want[1], atol=1e-5)


def test_compiled_equals_one_operation_at_a_time(images, labels):
    tricks = [
        RandomFlip(0.5),
        RandomGrayscale(0.5),
        Normalize(MEAN, STD),
        CutMix(1.0),
    ]
    tensors = [ops.convert_to_tensor(x) for x in (images, labels, KEYS)]
    compiled = numpy_of(Augment(tricks)(*tensors))
    plain = numpy_of(in_turn(tricks, *tensors))
    for got, want in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(got, want, atol=2e-5)


# Colour tricks that stand side by side

COLORS = [
    ColorJitter(0.2, 0.2, 0.2, 0.05),
    RandomGrayscale(0.5),
    PcaNoise(0.1),
    Normalize(MEAN, STD),
]


@functools.cache
def compiled_once(*tricks):
    return Augment(tricks)


def together(tricks, images):
    """Neighbours in one matrix."""
    found, _ = compiled_once(*tricks)(images, None, KEYS)
    return ops.convert_to_numpy(found)


def one_by_one(tricks, images):
    """Never two of them in one matrix."""
    for trick in tricks:
        images = together([trick], images)
    return images


def test_neighbouring_colour_tricks_are_as_one_after_the_other(images):
    # Where nothing clips: colours around the middle.
    images = (100 + images // 4).astype(np.uint8)
    before = one_by_one(COLORS[:-1], images)
    assert 0 < before.min() and before.max() < 255
    np.testing.assert_allclose(
        together(COLORS, images), one_by_one(COLORS, images), atol=2e-5
    )


def test_neighbouring_colour_tricks_clip_once_at_the_end(images):
    never = {ColorJitter: "never", PcaNoise: False}
    free = [
        dataclasses.replace(trick, clip=never[type(trick)])
        if trick.clips
        else trick
        for trick in COLORS
    ]
    lowest, highest = (
        (end - np.array(MEAN)) / np.array(STD) for end in (0, 255)
    )
    unclipped = one_by_one(free, images)
    assert (unclipped < lowest).any() and (unclipped > highest).any()
    np.testing.assert_allclose(
        together(COLORS, images),
        np.clip(unclipped, lowest, highest),
        atol=2e-5,
    )


def test_colour_tricks_apart_do_not_become_one(images):
    tricks = [COLORS[0], RandomFlip(1.0), COLORS[2], COLORS[3]]
    jittered = one_by_one(COLORS[:1], images)[:, :, ::-1]
    # The first clips before the flip.
    assert jittered.min() == 0 or jittered.max() == 255
    np.testing.assert_allclose(
        together(tricks, images), together(COLORS[2:], jittered), atol=2e-5
    )


def test_without_mixing_leaves_only_the_mixers_out(augment, images, labels):
    pure = augment.without_mixing()
    assert list(pure.tricks) == [RandomFlip(0.5), Normalize(MEAN, STD)]
    found = numpy_of(pure(images, labels, KEYS))
    want = expected(images, labels, mix=False)
    np.testing.assert_allclose(found[0], want[0], atol=1e-5)
    np.testing.assert_array_equal(found[1], labels)


def test_evaluation_only_normalises(augment, images):
    found, none = augment(images, None, None, training=False)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found),
        (images - np.array(MEAN)) / np.array(STD),
        atol=1e-5,
    )
    assert none is None


def test_the_same_keys_give_the_same_batch(augment, images, labels):
    tensors = images, ops.convert_to_tensor(labels)
    first = numpy_of(augment(*tensors, KEYS))
    again = numpy_of(augment(*tensors, KEYS))
    other = numpy_of(augment(*tensors, KEYS + 1))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.allclose(first[0], other[0])


def test_float32_under_half_precision_policies(augment, images, labels):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = numpy_of(augment(images, ops.convert_to_tensor(labels), KEYS))
    finally:
        keras.config.set_dtype_policy(before)
    for got, want in zip(found, expected(images, labels), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_colours_come_before_the_normalisation():
    Augment([Normalize(), RandomFlip()])
    rule = "colour tricks act on 0..255, so before the normalisation. Received"
    with pytest.raises(ValueError, match=rule):
        Augment([Normalize(), RandomFlip(), ColorJitter()])


def test_a_single_image_is_refused(images):
    rule = r"images must be a batch, \[B, H, W, 3\]: \.batch\(\) comes before"
    for training in (True, False):
        with pytest.raises(ValueError, match=rule):
            Augment([RandomFlip()])(images[0], None, KEYS[:1], training)
