"""Feature maps that the layers' tests share."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def maps():
    """(height, width) -> float32 [2, height, width, channels], always those."""

    def draw(height, width, channels=3):
        random = np.random.RandomState(height * width)
        size = (2, height, width, channels)
        return random.normal(size=size).astype("float32")

    return draw
