"""The page of `inspect`."""

import re

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.report import data_report

PNG = tf.io.encode_png(np.zeros((4, 4, 3), np.uint8)).numpy()


def one(split, place, name="cat"):
    text = f"{split}/<{place}>.jpg"
    return {"split": split, "place": place, "name": text, "classes": [name]}


def pair(first, second, kind="near"):
    return {
        "kind": kind,
        "likeness": 0.912,
        "mirrored": kind == "near",
        "first": first,
        "second": second,
    }


def split(counts):
    images = sum(counts)
    return {
        "images": images,
        "looked_at": images,
        "class_counts": counts,
        "unreadable": [],
        "sizes": {
            "height": [40] * 7,
            "width": [60] * 7,
            "short_side_edges": [0, 32, 48],
            "short_side_counts": [0, images, 0],
            "aspect_counts": {"square": images - 1, "wider": 1},
            "distinct": 2,
            "smallest": [one("train", 1) | {"height": 3, "width": 5}],
            "largest": [],
        },
        "channels": {
            "mean": [120.5, 110, 100],
            "std": [60, 61, 62],
            "std_within": [50, 51, 52],
        },
        "formats": {"JPEG": images},
        "stored": {"RGB": images},
        "colourless": 1,
        "rotated": 0,
        "bytes": {"total": 123_456, "median": 7.0, "largest": 9},
    }


@pytest.fixture
def found():
    return {
        "data": "folder:<pets>",
        "class_names": ["cat", "dog"],
        "splits": {"train": split([6, 2]), "val": split([1, 1])},
        "duplicates": {
            "across": [],
            "leaked": {"images": 0, "exact": 0},
            "in_conflict": [],
            "within": {"train": [], "val": []},
            "too_many": {"train": 0, "val": 0},
        },
        "advice": [],
    }


@pytest.fixture
def draw(found):
    asked = []

    def picture(split, place):
        asked.append((split, place))
        return PNG

    def make():
        samples = {
            "train": {
                "labels": np.array([0] * 6 + [1] * 2),
                "places": np.arange(8),
            }
        }
        return data_report.data_report(found, samples, picture), asked

    return make


def anchors(page):
    return re.findall(r'<section id="(\w+)"', page)


def test_nothing_suspicious(draw):
    page, asked = draw()
    assert anchors(page) == ["classes", "samples", "sizes", "colours"]
    assert "Nothing suspicious was found" in page
    assert "Imbalance 3: cat has 6 training images, dog 2." in page
    assert "folder:&lt;pets&gt;" in page and "<pets>" not in page
    assert asked[:8] == [("train", place) for place in range(8)]
    assert "train: 8 of 8 images looked at" in page


def test_bars_are_shares_of_the_largest_class(draw):
    page, _ = draw()
    bars = re.findall(r'title="(cat|dog)".*?--v:([\d.]+)', page)
    assert bars == [("cat", "1"), ("dog", "0.3333")]


def test_channels_stand_beside_imagenets(draw):
    page, _ = draw()
    cells = re.findall(r"<td>([^<]*)</td>", page)
    at = cells.index("120.5")
    assert cells[at - 2 : at + 3] == [
        "train",
        "mean",
        "120.5",
        "110.0",
        "100.0",
    ]
    assert cells[cells.index("123.7") - 2] == "ImageNet"
    assert "123,456" in cells


def test_pairs_are_shown_side_by_side(found, draw):
    leak = pair(one("train", 3), one("val", 1))
    found["duplicates"]["across"] = [leak]
    found["duplicates"]["leaked"] = {"images": 1, "exact": 0}
    found["duplicates"]["within"]["val"] = [
        pair(one("val", 0), one("val", 1), "same file")
    ] * 30
    page, asked = draw()
    assert anchors(page)[:2] == ["across", "repeats"]
    assert asked[:2] == [("train", 3), ("val", 1)]
    assert "91% alike, mirrored" in page and "same file" in page
    assert page.count("val: cat, &lt;0&gt;.jpg") >= data_report.SHOWN_PAIRS
    assert "The first 18 of 30; all are in the JSON file." in page


def test_doubts_with_a_caveat_for_training(found, draw):
    doubt = one("val", 1, "dog") | {"likely": "cat", "score": 0.8}
    found["suspects"] = {
        "train": {"count": 1, "images": [doubt | {"split": "train"}]},
        "val": {"count": 1, "images": [doubt]},
    }
    page, _ = draw()
    assert page.count("cat? (80%)") == 2
    assert page.count("learnt most of them by heart") == 1
    assert page.index(">val: 1 image<") < page.index(">train: 1 image<")


def test_unreadable(found, draw):
    bad = one("train", 1) | {"reason": "empty"}
    found["splits"]["train"]["unreadable"] = [bad]
    page, _ = draw()
    assert "<td>train/&lt;1&gt;.jpg</td><td>empty</td>" in page


def test_many_classes_show_both_ends():
    order = np.arange(100)
    assert data_report.ends(order, 4).tolist() == [0, 1, 98, 99]
    assert data_report.ends(order[:3], 4).tolist() == [0, 1, 2]


@pytest.mark.parametrize("window", [(390, 844), (1280, 900)])
def test_in_chromium(found, draw, browser, tmp_path, window):
    far = one("val", 1, "a-name-that-is-long-" * 4)
    found["duplicates"]["across"] = [pair(one("train", 3), far)] * 4
    found["advice"] = [{"what": "a " * 80, "do": "b " * 80}]
    page, _ = draw()
    path = tmp_path / "inspect.html"
    path.write_text(page, encoding="utf-8")
    seen = browser.look(path, *window, False)
    assert seen["errors"] == [] and seen["wide"] == []
    assert seen["page"] == window[0]
    assert len(seen["widths"]) == page.count("<img") > 16
    assert set(seen["widths"]) == {4}


def test_nothing_readable(found, draw):
    for one in found["splits"].values():
        one["sizes"] = one["channels"] = one["bytes"] = {}
        one["formats"] = one["stored"] = {}
    page, _ = draw()
    assert anchors(page) == ["classes", "samples"]
