"""--normalize=dataset: the numbers, the sample, the cache."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import open_splits, statistics
from kerastricks.data.squares import Squares


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRICKS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def source(tmp_path):
    """30 images of 8 x 8."""
    images = np.random.RandomState(0).randint(0, 256, (30, 8, 8, 3), np.uint8)
    images[..., 2] //= 4
    labels = np.arange(30) % 2
    few = dict(x_val=images[:2], y_val=labels[:2])
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, **few)
    return open_splits(f"arrays:{tmp_path / 'a.npz'}")["train"]


def pixels(source):
    images = source.fetch(tf.constant(source.indices)).numpy()
    return images.reshape(-1, 3).astype(np.float64)


def test_mean_and_deviation_are_those_of_all_pixels(source):
    mean, std = statistics.dataset_statistics(source, 8, eval_crop=1.0)
    np.testing.assert_allclose(mean, pixels(source).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, pixels(source).std(axis=0), rtol=1e-12)


def test_they_are_of_what_evaluation_sees(source):
    mean, _ = statistics.dataset_statistics(source, 4, eval_crop=0.5)
    squares = Squares(4, eval_crop=0.5).centre(
        source.fetch(tf.constant(source.indices))
    )
    expected = squares.numpy().reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)


def test_measured_once(source, monkeypatch):
    first = statistics.dataset_statistics(source, 8, eval_crop=1.0)

    def measure(*args, **crops):
        raise RuntimeError("measured again")

    monkeypatch.setattr(statistics, "measure", measure)
    again = statistics.dataset_statistics(source, 8, eval_crop=1.0)
    assert again == first
    for other, crop in (
        (source, 0.9),
        (source.subset(np.arange(20)), 1.0),
        (dataclasses.replace(source, stamp="changed"), 1.0),
    ):
        with pytest.raises(RuntimeError, match="measured again"):
            statistics.dataset_statistics(other, 8, eval_crop=crop)


def test_sample_of_a_large_source_is_the_same_each_time(source, monkeypatch):
    monkeypatch.setattr(statistics, "SAMPLE", 10)
    ours, theirs = (statistics.sample_of(source) for _ in range(2))
    assert len(ours) == 10 and len(set(ours.indices)) == 10
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    monkeypatch.setattr(statistics, "SAMPLE", 30)
    assert statistics.sample_of(source) is source


def test_other_pixels_are_other_data(tmp_path, monkeypatch):
    """Arrays of the same names and number."""
    monkeypatch.setenv("KERASTRICKS_CACHE", str(tmp_path / "cache"))
    means = []
    for value in (10, 200):
        pixels = np.full((6, 4, 4, 3), value, np.uint8)
        labels = np.array([0, 1] * 3)
        np.savez(tmp_path / "a.npz", x_train=pixels, y_train=labels)
        source = open_splits(f"arrays:{tmp_path / 'a.npz'}")["train"]
        means.append(statistics.dataset_statistics(source, 4)[0][0])
    assert means == [10, 200]
