"""AutoAugment: torchvision's three tables, pairs and probabilities."""

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data.policies.autoaugment import (
    NAMES,
    POLICIES,
    AutoAugment,
    auto_augment,
    space,
)
from kerastricks.errors import InputError

THEIRS = {"imagenet": "IMAGENET", "cifar": "CIFAR10", "svhn": "SVHN"}


@pytest.mark.parametrize("name", POLICIES)
def test_tables_are_torchvisions(golden, name):
    theirs = [
        tuple((op, chance, level or 0) for op, chance, level in pair)
        for pair in golden["about"]["policies"][THEIRS[name]]
    ]
    assert list(POLICIES[name]) == theirs and len(theirs) == 25


def test_magnitudes_are_torchvisions_for_every_size(golden, check_space):
    for size in golden["about"]["sizes"]:
        rows = check_space(golden, "auto", NAMES, space(*size), *size)
        assert sorted(rows) == list(range(1, 15))  # all but Identity


def test_pairs_are_torchvisions(golden, picture):
    ours = {theirs: name for name, theirs in THEIRS.items()}
    for (policy, pair, acts, negative), expected in zip(
        golden["about"]["pairs"], golden["pairs"], strict=True
    ):
        new = auto_augment(
            tf.constant(picture),
            POLICIES[ours[policy]],
            tf.constant(pair),
            tf.constant([0.0 if a else 0.999 for a in acts]),
            tf.constant(negative),
        )
        np.testing.assert_array_equal(new, expected)


def test_probability_is_the_share_of_images(picture, run_many, monkeypatch):
    pair = (("Invert", 0.3, 0), ("Posterize", 0.6, 9))
    monkeypatch.setitem(POLICIES, "svhn", (pair,) * 25)
    images = run_many(AutoAugment("svhn"), picture, 600)
    inverted = (images[:, :, :, 0] >> 7 != picture[:, :, 0] >> 7).all(
        axis=(1, 2)
    )
    posterized = (images & 0x0F == images[:, :1, :1, :1] & 0x0F).all(
        axis=(1, 2, 3)
    )
    assert abs(inverted.mean() - 0.3) < 0.08
    assert abs(posterized.mean() - 0.6) < 0.08
    both = (inverted & posterized).mean()
    assert abs(both - 0.18) < 0.07  # independent


def test_all_pairs_are_drawn(run_many, monkeypatch, picture):
    monkeypatch.setitem(
        POLICIES,
        "cifar",
        tuple(
            (("TranslateX", 1.0, 9), ("Identity", 1.0, 0))
            if i == 7
            else (("Invert", 1.0, 0), ("Identity", 1.0, 0))
            for i in range(25)
        ),
    )
    images = run_many(AutoAugment("cifar"), picture, 500)
    moved = (images != 255 - picture).any(axis=(1, 2, 3)).mean()
    assert 0.015 < moved < 0.075  # 1 of 25


@pytest.mark.parametrize("name", POLICIES)
def test_same_key_same_image_and_other_keys_others(picture, run_many, name):
    first, again = (run_many(AutoAugment(name), picture, 40) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len({image.tobytes() for image in first}) > 10


def test_unknown_policy_is_refused():
    with pytest.raises(InputError, match="svhn. Received: mnist"):
        AutoAugment("mnist")
