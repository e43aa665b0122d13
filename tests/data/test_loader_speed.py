"""Loader speeds: the stages, and which of them is named."""

import pytest

from kerastricks.data import open_splits
from kerastricks.data.loader_speed import loader_speeds, slowest
from kerastricks.data.squares import Squares


@pytest.mark.slow
def test_every_stage_is_measured(image_folder):
    source = open_splits(f"folder:{image_folder}")["train"]
    stages = loader_speeds(
        source, Squares(16), lambda image, key: image, seconds=0.2
    )
    assert list(stages) == ["reading", "decoding and cropping", "the policy"]
    assert all(images_per_second > 0 for images_per_second in stages.values())
    assert len(loader_speeds(source, Squares(16), seconds=0.2)) == 2


def test_slowest_is_what_adds_most_to_an_images_time():
    """1 ms, then 4 ms, then 5 ms: 1, 3 and 1 of 5."""
    speeds = {"read": 1000.0, "crop": 250.0, "policy": 200.0}
    assert slowest(speeds) == ("crop", pytest.approx(3 / 5))


def test_noise_takes_no_time():
    """A later stage that seems faster adds nothing."""
    speeds = {"read": 500.0, "crop": 510.0, "policy": 250.0}
    assert slowest(speeds) == ("read", pytest.approx(1 / 2))
