"""TrivialAugment: torchvision's table, one operation, draws from the key."""

import numpy as np
import tensorflow as tf

from kerastricks.data.policies.ops import OPS
from kerastricks.data.policies.randaugment import NAMES
from kerastricks.data.policies.trivialaugment import (
    SPACE,
    TrivialAugment,
    trivial_augment,
)


def test_magnitudes_are_torchvisions(golden, check_space):
    rows = check_space(golden, "trivial", NAMES, SPACE, 33, 47)
    assert sorted(rows) == list(range(14))


def test_it_is_one_operation_of_the_drawn_strength(picture):
    for name, bin, negative, strength in (
        ("Rotate", 20, True, -90.0),
        ("TranslateX", 30, False, 32.0),
        ("Solarize", 9, True, 178.5),  # a threshold has no sign
        ("Posterize", 30, True, 2.0),
    ):
        new = trivial_augment(
            tf.constant(picture),
            tf.constant(NAMES.index(name)),
            tf.constant(bin),
            tf.constant(negative),
        )
        expected = OPS[name](tf.constant(picture), tf.constant(strength), 0)
        np.testing.assert_array_equal(new, expected)


def test_same_key_same_image_and_other_keys_others(picture, run_many):
    first, again = (run_many(TrivialAugment(), picture, 60) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len({image.tobytes() for image in first}) > 40


def test_every_strength_is_drawn(run_many):
    """White moved sideways tells its bin: 0 to 32 pixels either way."""
    white = np.full((8, 80, 3), 255, np.uint8)
    images = run_many(TrivialAugment(), white, 1500)
    black = (images[:, 0] == 0).all(axis=-1)  # [N, 80], first row
    sideways = (images == images[:, :1]).all(axis=(1, 2, 3)) & black.any(axis=1)
    sideways &= black[:, 0] != black[:, -1]  # and not turned by 90 degrees
    moved = black[sideways].sum(axis=1)
    left = black[sideways, -1]
    assert 50 < len(moved) < 170  # 1500 / 14 = 107
    assert len(np.unique(moved)) > 20 and moved.max() <= 32
    assert 0.3 < left.mean() < 0.7
