"""What matters, the gravest first."""

import copy

import pytest

from kerastricks.data.inspection.advice import advice
from kerastricks.data.inspection.findings import ASPECTS, SIDES


def split(**more):
    aspects = dict.fromkeys(ASPECTS, 0) | {"square to 4:3": 200}
    sides = dict.fromkeys(SIDES, 0) | {256: 200}
    return {
        "images": 200,
        "looked_at": 200,
        "class_counts": [100, 100],
        "without_class": 0,
        "unreadable": [],
        "natural_size": 224,
        "sizes": {
            "short_side": [256] * 7,
            "short_side_edges": list(sides),
            "short_side_counts": list(sides.values()),
            "aspect_counts": aspects,
        },
        "channels": {
            "mean": [120, 116, 104],
            "std": [70, 70, 72],
            "std_within": [58, 57, 58],
        },
        "rotated": 0,
        **more,
    }


@pytest.fixture
def fine():
    return {
        "class_names": ["cat", "dog"],
        "multi_label": False,
        "splits": {"train": split(), "val": split()},
        "duplicates": {
            "across": [],
            "leaked": {"images": 0, "exact": 0},
            "in_conflict": [],
            "within": {"train": [], "val": []},
            "too_many": {"train": 0, "val": 0},
        },
    }


def test_good_data_needs_none(fine):
    assert advice(fine) == []


# Where in the findings, what is put there, what is said, what is to be done.
CASES = {
    "leakage": (
        ("duplicates", "leaked"),
        {"images": 12, "exact": 4},
        "LEAKAGE: 12 images of validation are in training too (4 exactly, 8",
        "too good by up to 6 points",
    ),
    "unreadable": (
        ("splits", "val", "unreadable"),
        [{"name": f"{i}.jpg", "reason": "empty"} for i in range(4)],
        "4 images cannot be used: 0.jpg (empty), 1.jpg (empty), 2.jpg (empty) "
        "and 1 more",
        "--on_bad_image=skip",
    ),
    "conflict": (
        ("duplicates", "in_conflict"),
        [{}],
        "1 pair of like images with different labels",
        "one label of each pair is wrong",
    ),
    "ignorance": (
        ("suspects",),
        {"val": {"count": 41}, "train": {"count": 0}},
        "the run doubts 41 images of val",
        "it has hardly learnt these classes",
    ),
    "suspects": (
        ("suspects",),
        {"val": {"count": 3}, "train": {"count": 0}},
        "3 images of val may be labelled wrong",
        "correct it",
    ),
    "repeats": (
        ("duplicates", "too_many", "train"),
        1,
        "1 image of train repeats another one of it",
        "keep one of each",
    ),
    "missing": (
        ("splits", "val", "class_counts"),
        [200, 0],
        "no images in val of dog",
        "add some",
    ),
    "imbalance": (
        ("splits", "train", "class_counts"),
        [150, 50],
        "class cat has 3 times the images of class dog",
        "--sampler=balanced or --class_weights=balanced",
    ),
    "few": (
        ("splits", "train", "class_counts"),
        [40, 19],
        "fewer than 20 training images of dog (19)",
        "--finetune",
    ),
    "drift": (
        ("splits", "val", "channels", "mean"),
        [120, 116, 120],
        "validation images have mean 120, 116, 120, training images 120, 116",
        "where the model will be used",
    ),
    "colours": (
        ("splits", "train", "channels", "std_within"),
        [20, 20, 20],
        "deviation 20, 20, 20 within an image, unlike ImageNet's",
        "--normalize=dataset",
    ),
    "turned": (
        ("splits", "train", "rotated"),
        2,
        "2 images lie turned in the file",
        "--exif",
    ),
    "small": (
        ("splits", "train", "sizes", "short_side_counts"),
        [50, *[0] * 7, 50, *[0] * 6],
        "50% of training images are smaller than 224 pixels",
        "--image_size",
    ),
    "long": (
        ("splits", "train", "sizes", "aspect_counts", "wider than 3:1"),
        50,
        "20% of training images are more than twice as long",
        "preview",
    ),
    "partial": (
        ("splits", "train", "looked_at"),
        50,
        "not looked at: 150 of train",
        "--sample=0",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_finding_alone(fine, case):
    path, value, what, do = CASES[case]
    found = copy.deepcopy(fine)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (said,) = advice(found)
    assert what in said["what"] and do in said["do"]


def test_a_class_that_is_empty_everywhere_is_told_once(fine):
    for one in fine["splits"].values():
        one["class_counts"] = [200, 0]
    (said,) = advice(fine)
    assert said["what"] == "no images of dog"


def test_leakage_comes_first(fine):
    for path, value, *_ in CASES.values():
        inner = fine
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
    assert advice(fine)[0]["what"].startswith("LEAKAGE")
