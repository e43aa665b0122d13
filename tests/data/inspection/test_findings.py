"""The numbers of inspect.json."""

import numpy as np
import pytest

from kerastricks.data import Source
from kerastricks.data.inspection import Survey, duplicates, findings
from kerastricks.data.inspection.facts import Facts
from kerastricks.data.inspection.findings import of_channels

NAMES = ("cat", "dog", "sofa")


def source(labels, prefix):
    return Source(
        class_names=NAMES,
        labels=np.array(labels),
        names=[f"{prefix}/{i}.jpg" for i in range(len(labels))],
        fetch=lambda index: index,
        encoded=True,
        natural_size=224,
        indices=np.arange(len(labels)),
    )


def seen(height, width, **more):
    return Facts(
        format="JPEG",
        height=height,
        width=width,
        mean=np.full(3, 100.0),
        square=np.full(3, 10_400.0),
        signature=np.zeros((32, 32), np.uint8),
        layout=np.zeros((4, 4, 3), np.uint8),
        **{"pixels": f"{height} {width}".encode(), "size": height} | more,
    )


@pytest.fixture(scope="module")
def found():
    train = Survey(
        source([0, 0, 0, 1, 2, 2], "train"),
        np.array([0, 1, 3, 4, 5]),  # all but one
        (
            seen(100, 200),
            seen(300, 300, colourless=True, stored="grayscale"),
            Facts("damaged", size=7, format="JPEG"),
            seen(50, 40, rotated=True),
            seen(100, 200),
        ),
    )
    val = Survey(
        source([1, 0], "val"), np.arange(2), (seen(10, 10), seen(300, 300))
    )
    twins = duplicates([*train.facts, *val.facts])
    return findings({"train": train, "val": val}, twins)


def test_counts(found):
    train, val = found["splits"]["train"], found["splits"]["val"]
    assert (train["images"], train["looked_at"]) == (6, 5)
    assert train["class_counts"] == [3, 1, 2]
    assert val["class_counts"] == [1, 1, 0]
    assert found["class_names"] == list(NAMES)


def test_unreadable(found):
    assert found["splits"]["train"]["unreadable"] == [
        {
            "split": "train",
            "place": 3,
            "name": "train/3.jpg",
            "classes": ["dog"],
            "reason": "damaged",
        }
    ]


def test_files(found):
    train = found["splits"]["train"]
    assert train["formats"] == {"JPEG": 4}
    assert train["stored"] == {"RGB": 3, "grayscale": 1}
    assert (train["colourless"], train["rotated"]) == (1, 1)
    assert train["bytes"] == {"total": 550, "median": 100.0, "largest": 300}


def test_sizes(found):
    known = found["splits"]["train"]["sizes"]
    assert known["short_side"][0] == 40 and known["short_side"][-1] == 300
    assert known["height"][3] == 100.0
    counts = dict(
        zip(known["short_side_edges"], known["short_side_counts"], strict=True)
    )
    assert {edge: n for edge, n in counts.items() if n} == {
        32: 1,
        96: 2,
        256: 1,
    }
    aspects = {name: n for name, n in known["aspect_counts"].items() if n}
    assert aspects == {"4:3 to 2:1": 2, "square": 1, "3:4 to square": 1}
    assert known["distinct"] == 3
    smallest, largest = known["smallest"][0], known["largest"][0]
    assert (smallest["place"], smallest["height"]) == (4, 50)
    assert (largest["place"], largest["width"]) == (1, 300)


def test_pairs(found):
    twins = found["duplicates"]
    (repeat,) = twins["within"]["train"]
    assert (repeat["first"]["place"], repeat["second"]["place"]) == (0, 5)
    assert repeat["kind"] == "same pixels"
    (leak,) = twins["across"]
    assert leak["first"]["name"] == "train/1.jpg"
    assert leak["second"]["name"] == "val/1.jpg"
    assert twins["leaked"] == {"images": 1, "exact": 1}
    assert twins["too_many"] == {"train": 1, "val": 0}
    (conflict,) = twins["in_conflict"]
    assert conflict["first"]["classes"] == ["cat"]
    assert conflict["second"]["classes"] == ["sofa"]


def test_channels_count_each_image_alike():
    """Of 10 and 30 with deviations 2 and 4: sqrt((104 + 916) / 2 - 20^2)."""
    two = [
        Facts(mean=np.full(3, 10.0), square=np.full(3, 104.0)),
        Facts(mean=np.full(3, 30.0), square=np.full(3, 916.0)),
    ]
    known = of_channels(two)
    assert known["mean"] == pytest.approx([20] * 3)
    assert known["std"] == pytest.approx([110**0.5] * 3)
    assert known["std_within"] == pytest.approx([3] * 3)


def test_several_labels_an_image():
    labels = np.array([[1, 0, 1], [0, 0, 0]], np.float32)
    train = Survey(
        source(labels, "train"), np.arange(2), (seen(9, 9), Facts("empty"))
    )
    known = findings({"train": train}, duplicates(train.facts))
    assert known["multi_label"]
    assert known["splits"]["train"]["without_class"] == 1
    assert known["splits"]["train"]["sizes"]["smallest"][0]["classes"] == [
        "cat",
        "sofa",
    ]


def test_nothing_readable():
    train = Survey(source([0], "train"), np.arange(1), (Facts("empty"),))
    known = findings({"train": train}, duplicates(train.facts))
    split = known["splits"]["train"]
    assert split["sizes"] == split["channels"] == split["bytes"] == {}
