"""What torchvision made (tools/golden_policies.py), and a picture to try on."""

import json
import pathlib

import numpy as np
import pytest


@pytest.fixture(scope="session")
def golden():
    with np.load(pathlib.Path(__file__).parent / "golden_policies.npz") as file:
        found = dict(file)
    return found | {"about": json.loads(str(found["about"]))}


@pytest.fixture(scope="session")
def picture(golden):
    """uint8 [33, 47, 3]."""
    return golden["image/0"]


@pytest.fixture(scope="session")
def run_many():
    """(policy, picture, count) -> what it makes of keys [5, 0..count - 1]."""
    import tensorflow as tf

    def run(policy, picture, count):
        keys = tf.stack([tf.fill([count], 5), tf.range(count)], axis=1)
        batches = (
            tf.data.Dataset.from_tensor_slices(keys)
            .map(lambda key: policy(tf.constant(picture), key))
            .batch(count)
        )
        return next(iter(batches)).numpy()

    return run


@pytest.fixture(scope="session")
def check_space():
    """Compares a table of magnitudes with torchvision's by name."""

    def check(golden, policy, names, table, height, width):
        theirs = golden[f"space/{policy}/{height}x{width}"]
        rows = [names.index(name) for name in golden[f"names/{policy}"]]
        np.testing.assert_array_equal(table[rows], theirs)
        return rows

    return check
