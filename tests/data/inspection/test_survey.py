"""Every image of a split is looked at once, in order."""

import numpy as np
import pytest

from kerastricks.data import open_splits
from kerastricks.data.inspection import survey
from kerastricks.data.inspection.survey import data_of, drawn


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    random = np.random.RandomState(0)
    path = tmp_path_factory.mktemp("arrays") / "data.npz"
    images = random.randint(0, 256, (60, 9, 7, 3)).astype(np.uint8)
    np.savez(path, x_train=images, y_train=np.arange(60) % 3)
    return open_splits(f"arrays:{path}", val_fraction=0.5)["train"]


def test_pixels_in_order(train):
    told = []
    seen = survey(
        train, progress=lambda done, total: told.append((done, total))
    )
    means = [data_of(train, i).numpy().mean((0, 1)) for i in range(30)]
    np.testing.assert_allclose([f.mean for f in seen.facts], means, rtol=1e-5)
    assert {one.format for one in seen.facts} == {"pixels"}
    assert told == [(30, 30)]
    assert seen.good.tolist() == list(range(30))


def test_sample_is_seeded(train):
    first, again, other = (
        survey(train, sample=12, seed=seed) for seed in (1, 1, 2)
    )
    assert len(first.facts) == len(first.source) == 12
    assert first.places.tolist() == again.places.tolist()
    assert first.places.tolist() != other.places.tolist()
    for place, one in zip(first.places, first.facts, strict=True):
        expected = data_of(train, place).numpy().mean((0, 1))
        np.testing.assert_allclose(one.mean, expected, rtol=1e-5)
    np.testing.assert_array_equal(
        first.source.labels, train.labels[first.places]
    )


def test_drawn():
    assert drawn(5, 0, 0).tolist() == drawn(5, 9, 0).tolist() == list(range(5))
    places = drawn(1000, 100, 3)
    assert (np.diff(places) > 0).all() and len(places) == 100


def test_bad_files_are_told_of(image_folder, tmp_path):
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(image_folder, root)
    (root / "train/blue/00.jpg").write_bytes(b"")
    data = (root / "train/red/03.jpg").read_bytes()
    (root / "train/red/03.jpg").write_bytes(data[: len(data) // 2])
    source = open_splits(f"folder:{root}")["train"]
    (root / "train/green/15.jpg").unlink()
    seen = survey(source)
    faults = {
        source.names[i][len(str(root)) :]: one.fault
        for i, one in enumerate(seen.facts)
        if one.fault
    }
    assert faults == {
        "/train/blue/00.jpg": "empty",
        "/train/red/03.jpg": "damaged",
        "/train/green/15.jpg": "cannot be read",
    }
    assert len(seen.good) == 45
