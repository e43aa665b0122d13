"""AugMix: the sum by its formula, torchvision's table, laws of the weights."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.policies.augmix import (
    NAMES,
    AugMix,
    aug_mix,
    mixing_weights,
    space,
)
from kerastricks.data.policies.ops import OPS
from kerastricks.errors import InputError


def test_magnitudes_are_torchvisions_for_every_size(golden, check_space):
    for size in golden["about"]["sizes"]:
        rows = check_space(golden, "augmix", NAMES, space(*size), *size)
        assert sorted(rows) == list(range(13))


def test_sum_of_the_chains(picture):
    chains = [["Rotate", "Equalize"], ["Color", "Posterize"]]
    weights = np.array([0.5, 0.2, 0.3], np.float32)
    new = aug_mix(
        tf.constant(picture),
        tf.constant([[NAMES.index(name) for name in c] for c in chains]),
        levels=tf.constant([[2, 0], [1, 2]]),
        negative=tf.constant([[True, True], [False, True]]),
        lengths=tf.constant([2, 1]),
        weights=tf.constant(weights),
    )
    table = space(33, 47)

    def op(image, name, level, sign=1):
        strength = sign * table[NAMES.index(name), level]
        return OPS[name](tf.constant(image), tf.constant(strength), 0).numpy()

    first = op(op(picture, "Rotate", 2, -1), "Equalize", 0)
    second = op(picture, "Color", 1)  # of length 1: not posterized
    parts = [picture, first, second]
    expected = sum(
        w * p.astype(np.float32) for w, p in zip(weights, parts, strict=True)
    )
    np.testing.assert_array_equal(new, expected.astype(np.uint8))


def test_all_weight_on_the_image_is_the_identity(picture):
    new = aug_mix(
        tf.constant(picture),
        *(tf.zeros([3, 3], tf.int32) for _ in range(2)),
        negative=tf.zeros([3, 3], tf.bool),
        lengths=tf.constant([1, 2, 3]),
        weights=tf.constant([1.0, 0.0, 0.0, 0.0]),
    )
    np.testing.assert_array_equal(new, picture)


def test_weights_are_dirichlet():
    draws = np.random.RandomState(0).rand(4000, 3).astype(np.float32)
    weights = np.stack(
        [mixing_weights(0.8, row).numpy() for row in draws[:400]]
    )
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(weights[:, 0], 0.2, rtol=1e-5)
    shares = weights[:, 1:] / 0.8
    # Dirichlet(1, 1, 1): mean 1/3, variance 1/18.
    np.testing.assert_allclose(shares.mean(axis=0), 1 / 3, atol=0.04)
    np.testing.assert_allclose(shares.var(axis=0), 1 / 18, atol=0.015)
    ends = mixing_weights(1.0, np.zeros(3, np.float32)).numpy()
    np.testing.assert_allclose(ends, [0, 1 / 3, 1 / 3, 1 / 3], atol=1e-6)


def test_same_key_same_image_and_other_keys_others(picture, run_many):
    first, again = (run_many(AugMix(), picture, 8) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len({image.tobytes() for image in first}) == 8


def test_length_of_the_chains_is_drawn(picture, run_many, monkeypatch):
    from kerastricks.data.policies import augmix

    seen = []

    def spy(image, indices, levels, negative, lengths, weights, fill):
        seen.append(lengths.numpy())
        assert int(tf.reduce_max(levels)) < 4 and indices.shape == (5, 3)
        return image

    monkeypatch.setattr(augmix, "aug_mix", spy)
    policy = AugMix(severity=4, width=5)
    for i in range(60):
        policy(tf.constant(picture), tf.constant([1, i]))
    counts = np.bincount(np.concatenate(seen), minlength=4)
    assert counts[0] == 0 and (counts[1:] > 70).all()  # of 300


@pytest.mark.parametrize("s, w, d", [(0, 3, 0), (11, 3, 0), (3, 0, 0)])
def test_bad_numbers_are_refused(s, w, d):
    with pytest.raises(InputError, match=f"Received: s={s}, w={w}, d={d}"):
        AugMix(s, w, d)
