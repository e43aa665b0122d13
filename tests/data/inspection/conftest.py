"""Pictures that are like photographs in what matters here."""

import numpy as np
import pytest
import tensorflow as tf


def draw(seed, height=96, width=120):
    """Random colours of several sizes, each half as strong as the next."""
    random = np.random.RandomState(seed)
    total = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24):
        noise = random.normal(size=(1, cells, cells, 3)) * 90 / cells**0.7
        total += tf.image.resize(noise, (height, width), "bicubic")[0].numpy()
    return (total + 120).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photo():
    return draw
