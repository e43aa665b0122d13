import base64
import math
import re
import struct
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest

from kerastricks.evaluation import LabelScores, Reliability
from kerastricks.report import Picture, mislabelled, mistake, page, run_report

NAN = math.nan
HOSTILE = "<script>alert(\"x\")</script> & 'co'"
VOID = {"meta", "img", "br", "hr", "link", "input"}
JPEG = b"\xff\xd8\xff\xe0 not much of a picture"


def png(size: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * size) * size)
    return (
        page.PNG
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


class Balanced(HTMLParser):
    """Refuses a page whose tags do not pair; keeps its attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.tags if name == tag]


def history(epochs: int = 3) -> list[dict]:
    return [
        {
            "epoch": epoch,
            "step": 400 * epoch,
            "learning_rate": 0.1 / epoch,
            "loss": 2.0 / epoch,
            "top1": 1 - 1 / (1 + epoch),
            "val_loss": 2.5 / epoch,
            "val_top1": 1 - 1.5 / (1 + epoch),
            "val_top5": 0.99,
            "images_per_second": 4000.0 + epoch,
            "seconds": 10.0,
        }
        for epoch in range(1, epochs + 1)
    ]


def arguments(classes: int = 3, **changes) -> dict:
    confusion = np.eye(classes, dtype=np.int64) * 90
    confusion[0, 1] = 10
    given = {
        "title": "a run",
        "result": {
            "top1": 0.9312,
            "top5": 0.9987,
            "loss": 0.25126,
            "ece": 0.0183,
            "images_per_second": 4806.2,
            "seconds": 11520.0,
            "steps": 11730,
            "epochs": 30,
            "params": 25557032,
            "flops": 4.09e9,
            "seed": 7,
            "versions": {"keras": "3.15.1"},
            "recipe_sha256": "0123456789abcdef" * 4,
            "top1_ema": 0.9412,
        },
        "history": history(),
        "learning_rates": [(0.0, 0.0), (1.0, 0.4), (30.0, 0.0)],
        "effective": {
            "optimizer": {"name": "SGD", "momentum": np.float32(0.5)},
            "decayed": [f"conv{i}/kernel" for i in range(20)],
            "frozen": [],
            "learning_rate": [[0, 0.4], [10, 0.2]],
        },
        "recipe_text": "--data=shapes\n--mixup=0.2\n",
        "class_names": [f"class {i}" for i in range(classes)],
        "confusion": confusion,
        "reliability": Reliability(
            np.array([0, 10, 30]),
            np.array([0.0, 0.6, 0.9]),
            np.array([0.0, 0.6, 0.7]),
        ),
        "mistakes": [mistake(png(32), "cat", 0.984, "dog")],
    }
    return given | changes


def report(**changes) -> Balanced:
    return Balanced(run_report(**arguments(**changes)))


def test_the_page_is_one_balanced_document_for_a_phone_too():
    html = run_report(**arguments())
    parsed = Balanced(html)
    assert html.startswith("<!DOCTYPE html>")
    metas = {
        meta.get("name"): meta.get("content") for meta in parsed.all("meta")
    }
    assert metas["viewport"] == "width=device-width,initial-scale=1"
    assert metas["color-scheme"] == "light dark"
    assert "prefers-color-scheme:dark" in html


def test_nothing_is_asked_of_the_network():
    html = run_report(**arguments())
    parsed = Balanced(html)
    assert not re.search(r"https?://|//cdn|@import|url\(", html)
    for tag in ("script", "link", "iframe"):
        assert parsed.all(tag) == []
    assert all(a["href"].startswith("#") for a in parsed.all("a"))
    assert all(i["src"].startswith("data:image/") for i in parsed.all("img"))


def test_links_lead_to_the_sections_that_exist():
    parsed = report()
    anchors = [section["id"] for section in parsed.all("section")]
    assert [a["href"] for a in parsed.all("a")] == [f"#{a}" for a in anchors]
    assert anchors == [
        "curves",
        "classes",
        "calibration",
        "mistakes",
        "recipe",
        "applied",
        "versions",
    ]


def test_tiles_carry_their_units():
    text = report().text
    for label, shown in (
        ("Top-1 accuracy", "93.12%"),
        ("Top-5 accuracy", "99.87%"),
        ("Loss", "0.2513nats"),
        ("Calibration error", "1.83%"),
        ("Training time", "3:12h"),
        ("Throughput", "4,806images/s"),
        ("Parameters", "25.6M"),
        ("Compute per image", "4.09Gmultiply-adds"),
    ):
        assert label + shown in text
    assert "30 epochs · 11,730 steps · seed 7 · recipe 0123456789ab" in text
    # Wilson at p = 0.9312 of the 280 samples of the confusion matrix
    assert "95% interval 89.5–95.5, n\u00a0=\u00a0280" in text


@pytest.mark.parametrize(
    ("show", "value", "expected"),
    [
        (page.duration, 45.24, ("45.2", "s")),
        (page.duration, 59.96, ("1:00", "min")),
        (page.duration, 3599.6, ("1:00", "h")),
        (page.duration, 100 * 3600 + 90, ("100:02", "h")),
        (page.amount, 999, ("999", "")),
        (page.amount, 999_600, ("1.00", "M")),
        (page.amount, 272_474, ("272", "k")),
        (page.amount, 1.5e12, ("1.50", "T")),
        (page.rate, 3.14159, ("3.14", "")),
        (page.plain, 0.5, ("0.5000", "")),
        (page.plain, 12345.6, ("12,346", "")),
        (page.plain, 1e30, ("1.000e+30", "")),
        (page.plain, 0, ("0", "")),
    ],
)
def test_figures_and_units(show, value, expected):
    assert show(value) == expected


def test_missing_results_have_no_tile_and_nan_is_called_nan():
    text = report(result={"top1": 0.5, "loss": NAN, "top5": None}).text
    assert "LossNaN" in text and "Top-5 accuracy–" in text
    assert "Parameters" not in text


def test_hostile_names_are_text_wherever_they_appear():
    names = [HOSTILE, "b", "c"]
    html = run_report(
        **arguments(
            title=HOSTILE,
            class_names=names,
            recipe_text=f"--name={HOSTILE}",
            notes=[HOSTILE],
            effective={HOSTILE: {HOSTILE: [HOSTILE] * 9}, "x": HOSTILE},
            mistakes=[mistake(png(8), HOSTILE, 0.5, HOSTILE)],
            result={"seed": HOSTILE, "versions": {HOSTILE: HOSTILE}},
        )
    )
    parsed = Balanced(html)
    assert parsed.all("script") == []
    assert "alert(" in parsed.text and "<script" not in html
    assert HOSTILE in [attrs.get("title") for attrs in parsed.all("th")]
    # head, tiles and sections: title twice, matrix head, pairs, recall, ...
    assert parsed.text.count(HOSTILE) >= 15


def test_a_name_that_utf8_cannot_write_does_not_lose_the_report():
    html = run_report(**arguments(class_names=["caf\udce9", "b", "c"]))
    assert "caf?" in html
    html.encode("utf-8")


def test_pictures_are_embedded_byte_for_byte_with_their_kind():
    small, large = png(32), png(128)
    parsed = report(
        mistakes=[
            mistake(small, "cat", 0.984, "dog"),
            Picture(JPEG, "caption", "detail"),
            mistake(large, "cat", NAN, "dog"),
        ]
    )
    images = parsed.all("img")
    kinds, data = zip(
        *(i["src"].split(";base64,") for i in images), strict=True
    )
    assert kinds == ("data:image/png", "data:image/jpeg", "data:image/png")
    assert [base64.b64decode(d) for d in data] == [small, JPEG, large]
    assert [i.get("class") for i in images] == ["small", None, None]
    assert images[0]["alt"] == "predicted cat 98%"
    assert "predicted cat 98%is dog" in parsed.text
    assert "predicted cat NaN" in parsed.text


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="GIF89a"):
        report(mistakes=[Picture(b"GIF89a....", "", "")])


def test_nan_and_holes_in_the_history_leave_gaps():
    rows = history(6)
    rows[1]["loss"] = NAN
    rows[2]["val_loss"] = math.inf
    rows[3]["val_top1"] = None
    del rows[4]["epoch"], rows[4]["loss"], rows[5]["images_per_second"]
    parsed = report(history=rows)
    for attrs in parsed.all("path") + parsed.all("circle"):
        drawn = " ".join(attrs.get(key) or "" for key in ("d", "cx", "cy"))
        assert not re.search(r"nan|inf", drawn)
    assert "Best validation 0.4167, in epoch 6." in parsed.text
    assert "Best validation 78.57%, in epoch 6." in parsed.text
    cells = re.findall(r"NaN|\+inf", parsed.text)
    assert cells == ["NaN", "+inf"]


def test_a_history_of_nothing_but_nan_says_no_data():
    parsed = report(history=[{"epoch": 1, "loss": NAN, "val_loss": NAN}])
    assert "no data" in parsed.text
    assert "Best validation" not in parsed.text


def test_a_single_curve_is_named_on_its_axis():
    text = report(history=[{"loss": 2.0}, {"loss": 1.0}]).text
    assert "training, nats" in text
    assert "Top-1 accuracy by epoch" not in text


def test_the_best_validation_is_circled():
    rows = history(3)
    rows[1]["val_loss"] = 0.01
    parsed = report(history=rows, learning_rates=[])
    assert "Best validation 0.01, in epoch 2." in parsed.text
    marks = [c for c in parsed.all("circle") if c["class"] == "mark"]
    assert [mark["cx"] for mark in marks] == ["284", "506"]


def test_learning_rates_come_from_the_schedule_or_else_from_the_history():
    assert "Peak 0.4." in report().text
    assert "Peak 0.1." in report(learning_rates=[]).text
    assert "Peak" not in report(learning_rates=[], history=[]).text


def test_few_classes_have_a_matrix_many_have_their_worst():
    few, many = report(classes=30), report(classes=31)
    assert "Confusion matrix" in few.text
    assert "Confusion matrix" not in many.text
    assert "The other 1 classes do no worse." in many.text
    for parsed in (few, many):
        assert "class 0 → class 110.0%10" in parsed.text
        assert "class 090.0100.094.7100" in parsed.text


def test_recall_is_sorted_worst_first_and_skips_classes_without_samples():
    confusion = np.array([[9, 1, 0], [5, 5, 0], [0, 0, 0]])
    text = report(confusion=confusion).text
    table = text[text.index("precisionF1n") :]
    assert table.index("class 1") < table.index("class 0")
    assert "class 2" not in table


def test_calibration_is_put_into_words():
    # (10 * 0.6 + 30 * 0.9) / 40 = 0.825; (10 * 0.6 + 30 * 0.7) / 40 = 0.675
    text = report().text
    assert "claims 82.5% and is right 67.5% of the time" in text
    assert "over-confident by 15.0 points" in text
    assert "33–67%1060.060.0" in text


def test_what_is_absent_leaves_no_empty_section():
    parsed = report(
        result={},
        history=[],
        learning_rates=[],
        effective={},
        recipe_text="",
        class_names=[],
        confusion=None,
        reliability=None,
        mistakes=[],
    )
    assert parsed.all("section") == parsed.all("dl") == []
    assert "a run" in parsed.text


def test_recipe_effective_and_versions_are_printed():
    text = report(notes=["EMA weights"]).text
    command = "--flagfile=recipe.flags --run_dir=NEW"
    assert f"python -m kerastricks.train {command}" in text
    assert "--data=shapes\n--mixup=0.2\n" in text
    assert "momentum0.5" in text and "frozennone" in text
    assert "decayed20" in text and "conv19/kernel" in text
    assert "keras3.15.1" in text and "top1_ema0.9412" in text
    assert "EMA weights" in text


def test_equal_input_gives_equal_bytes():
    assert run_report(**arguments()) == run_report(**arguments())


def test_sets_are_printed_in_one_order():
    names = {f"layer{i}" for i in range(40)}
    text = report(effective={"frozen": names}).text
    found = re.findall(r"layer\d+", text)
    assert found == sorted(names)


def test_a_matrix_must_fit_its_names():
    with pytest.raises(ValueError, match="names=2"):
        report(class_names=["a", "b"])


SCORES = LabelScores(
    average_precision=np.array([0.9, NAN, 0.25]),
    precision=np.array([1, 0, 0.5]),
    recall=np.array([0.75, 0, 0.4]),
    f1=np.array([0.857, 0, 0.444]),
    support=np.array([40, 0, 5]),
)


def test_several_labels_an_image_have_a_table_of_their_own():
    text = report(
        confusion=None,
        label_scores=SCORES,
        result={"mean_average_precision": 0.575, "f1": 0.6505, "x": 1},
    ).text
    table = text[text.index("precisionrecallF1n") :]
    worst, other = "class 225.050.040.044.45", "class 090.0100.075.085.740"
    assert 0 < table.index(worst) < table.index(other)
    assert "class 1" not in table[: table.index("Classes that no image")]
    assert "Classes that no image here has: 1." in text
    assert "Mean average precision57.50%" in text and "F1 at 50%65.05%" in text
    assert "Confusion matrix" not in text and "Recall by class" not in text
    assert "gives each class 82.5%, and 67.5% are true: over-" in text
    other = text[text.index("other results") :]
    assert "x1" in other and "average" not in other


def test_wrong_labels_are_told_beside_the_true_ones():
    pictures = [
        mislabelled(JPEG, [("cat", 0.984), ("sofa", 0.61)], ["dog", "mat"]),
        mislabelled(JPEG, [], ["dog"]),
        mislabelled(JPEG, [("cat", NAN)], []),
    ]
    assert [(one.caption, one.detail) for one in pictures] == [
        ("predicted cat 98%, sofa 61%", "is dog, mat"),
        ("predicted none", "is dog"),
        ("predicted cat NaN", "is none of the classes"),
    ]
    assert (
        "predicted cat 98%, sofa 61%is dog, mat"
        in report(mistakes=pictures).text
    )
