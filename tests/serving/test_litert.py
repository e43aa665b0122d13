"""LiteRT files, in float32 and int8."""

import dataclasses
import zipfile

import numpy as np
import pytest

from kerastricks.errors import RunError
from kerastricks.evaluation.tta import Tta
from kerastricks.layers import PaddedMaxPool2D
from kerastricks.serving import litert
from kerastricks.serving.sample import combined
from kerastricks.serving.saved_model import PLAIN

pytest.importorskip("ai_edge_litert")


def labels_in(path):
    with zipfile.ZipFile(path) as archive:
        # Not splitlines(), which parts names at rarer characters too.
        return archive.read(litert.LABELS).decode().split("\n")[:-1]


def test_float32_is_the_network(tiny, squares, probabilities, tmp_path):
    path = tmp_path / "model.tflite"
    litert.write_litert(tiny, path, 2, PLAIN)
    found = litert.read_litert(path)(squares)
    np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-6)
    order = np.argsort(-probabilities, axis=1)[:, :2]
    np.testing.assert_array_equal(found["top_k_indices"], order)
    assert labels_in(path) == ["cat", "dög", "eel"]


def test_a_name_is_a_line_whatever_is_in_it(tmp_path):
    """str.splitlines parts lines at some ten characters more."""
    text = litert.labels_text(["a\x85b", "two\nlines", "c\u2028d"])
    with zipfile.ZipFile(tmp_path / "m", "w") as archive:
        archive.writestr(litert.LABELS, text)
    names = labels_in(tmp_path / "m")
    assert names == ["a\x85b", "two lines", "c\u2028d"]


def test_int8_is_near_it(tiny, squares, probabilities, tmp_path):
    """Its softmax in float32: every picture has a probability of its own."""
    path = tmp_path / "model.tflite"
    litert.write_litert(tiny, path, 3, PLAIN, squares)
    found = litert.read_litert(path)(squares)["probabilities"]
    gap = np.abs(found - probabilities)
    assert 1e-4 < gap.max() < 0.05
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert len(np.unique(found)) > len(squares)


@pytest.mark.parametrize("several", [False, True])
def test_int8_of_two_views(tiny, squares, tmp_path, several):
    classifier = dataclasses.replace(tiny, multi_label=several)
    path, tta = tmp_path / "model.tflite", Tta("flip")
    litert.write_litert(classifier, path, 3, tta, squares)
    found = litert.read_litert(path)(squares)["probabilities"]
    by_view = [
        np.asarray(tiny.model(tiny.normalize(part)[0]))
        for part in (squares, squares[:, :, ::-1])
    ]
    expected = combined(classifier, by_view, tta)
    assert np.abs(found - expected).max() < 0.05


def test_mirror_images_for_a_border_give_the_same_maxima():
    random = np.random.RandomState(0)
    for side, pool, strides in ((8, 3, 2), (7, 3, 2), (6, 3, 1), (9, 5, 2)):
        images = random.normal(0, 1, (2, side, side, 3)).astype(np.float32) - 3
        expected = PaddedMaxPool2D(pool, strides)(images)
        found = litert.MirroredMaxPool2D(pool, strides)(images)
        np.testing.assert_array_equal(found, expected)


def test_what_cannot_be_converted_is_one_line(tiny, tmp_path, monkeypatch):
    def fail(*arguments):
        raise ValueError("op Foo is neither custom nor flex\nmany\nlines")

    def full(*arguments):
        raise OSError("No space left")

    monkeypatch.setattr(litert, "save_squares", full)
    with pytest.raises(OSError, match="No space left"):
        litert.write_litert(tiny, tmp_path / "m", 1, Tta("flip"))
    monkeypatch.setattr(litert, "save_squares", fail)
    with pytest.raises(RunError, match=r"as LiteRT \(op Foo .* flex\)$"):
        litert.write_litert(tiny, tmp_path / "m", 1, Tta("flip"))
    assert not (tmp_path / "m").exists()
