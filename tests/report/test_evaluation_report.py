"""The page of an evaluation: balanced, self-contained, and right in Chromium.

In the browser: no complaint on its console, all pictures load, nothing is wider
than a phone.
"""

import io
import re

import numpy as np
import pytest
from PIL import Image

from kerastricks.evaluation import (
    Difference,
    LabelScores,
    Reliability,
    Slice,
)
from kerastricks.report import mistake, run_report
from kerastricks.report.calibration import Calibrated
from kerastricks.report.comparison import Comparison
from kerastricks.report.evaluation_report import evaluation_report

NAMES = ["cat", "<b>dog</b>", "Schmetterlingsraupenverpuppungszustand" * 2]
BINS = Reliability(
    np.array([0, 10, 30]), np.array([0, 0.6, 0.9]), np.array([0, 0.6, 0.7])
)
NUMBERS = {
    "top1": 0.9,
    "top5": 1.0,
    "loss": 0.5,
    "ece": 0.05,
    "top1_low": 0.85,
    "top1_high": 0.94,
    "temperature": 1.5,
    "ece_calibrated": 0.01,
    "loss_calibrated": 0.4,
}
WINDOWS = [(390, 844), (1280, 900)]


def picture(width=48, height=48, kind="JPEG"):
    random = np.random.RandomState(0)
    pixels = random.randint(0, 255, (height, width, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return mistake(out.getvalue(), NAMES[2], 0.9, NAMES[1])


def measured(classes=3):
    names = (NAMES * classes)[:classes]
    confusion = np.eye(classes, dtype=np.int64) * 90
    confusion[0, 1] = 10
    return {
        "class_names": names,
        "confusion": confusion,
        "label_scores": None,
        "reliability": BINS,
        "calibrated": Calibrated(1.5, BINS, (0.05, 0.01)),
        "by_size": [
            Slice("up to 90 px", 40, 0.5, 0.4, 0.6),
            Slice("above 90 px", 40, 0.6, 0.5, 0.7),
        ],
    }


def compared():
    return Comparison(
        ("the first run", "a run with a name that is rather long"),
        Difference(0.01, 0.002, 0.02),
        (200, 20, 30, 30),
        [picture()] * 3,
        [picture()] * 2,
    )


def page(**changes):
    given = {
        "title": "runs/a-very-long-name-of-a-run-that-never-ends-0123456789",
        "numbers": NUMBERS,
        "facts": ["shapes", "64 px"],
        "images": 280,
        "measured": measured(),
        "mistakes": [picture(), picture(300, 200), picture(8, 8, "PNG")],
        "heat": [picture(480, 160)] * 2,
        "compared": compared(),
        "rows": [("plain", NUMBERS), ("center+4", NUMBERS)],
        "words": "center+4 gains +1.00 points",
        "history": [
            {"epoch": 1, "val_top1": 0.4, "average_top1": 0.5},
            {"epoch": 2, "val_top1": 0.6, "average_top1": 0.7},
        ],
        "notes": ["what must be known first"],
    }
    return evaluation_report(**given | changes)


def labels_page():
    scores = LabelScores(
        average_precision=np.array([0.9, 0.5, 0.25]),
        precision=np.array([1, 0, 0.5]),
        recall=np.array([0.75, 0, 0.4]),
        f1=np.array([0.857, 0, 0.444]),
        support=np.array([40, 10, 5]),
    )
    best = np.array([0.4, 0.62, 0.1]), np.array([0.9, 0.3, 0.5])
    of_labels = measured() | {
        "confusion": None,
        "label_scores": scores,
        "thresholds": best,
    }
    return page(measured=of_labels)


def run_page():
    history = [
        {"epoch": e, "loss": 1 / e, "val_loss": 2 / e, "val_top1": 0.2 * e}
        for e in (1, 2, 3)
    ]
    return run_report(
        title="a run",
        result=NUMBERS | {"epochs": 3, "versions": {"keras": "3"}},
        history=history,
        learning_rates=[(0.0, 0.0), (3.0, 0.4)],
        effective={"optimizer": {"name": "SGD"}, "decayed": ["w"] * 90},
        recipe_text="--data=shapes\n" + "--policy=" + "x" * 200,
        mistakes=[picture()] * 5,
        **measured(),
    )


PAGES = {
    "evaluation": page,
    "many classes": lambda: page(measured=measured(30)),
    "labels": labels_page,
    "run": run_page,
    "little": lambda: page(
        mistakes=(), heat=(), compared=None, rows=(), history=(), notes=()
    ),
}


def test_sections_are_linked_and_in_order():
    html = page()
    anchors = re.findall(r'<section id="(\w+)"', html)
    assert anchors == re.findall(r'href="#(\w+)"', html)
    assert anchors == [
        *("comparison", "variants", "mistakes", "heat", "classes"),
        *("calibration", "sizes", "weights"),
    ]


def test_what_is_absent_leaves_no_section():
    anchors = re.findall(r'<section id="(\w+)"', PAGES["little"]())
    assert anchors == ["classes", "calibration", "sizes"]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_asked_of_the_network(name):
    html = PAGES[name]()
    assert not re.search(r"https?:|//cdn|@import|url\(|<script|<link", html)
    assert "<b>dog</b>" not in html and "&lt;b&gt;dog" in html


def test_numbers_stand_in_tiles_with_what_belongs_to_them():
    html = page()
    assert "95% interval 85.0–94.0, n\u00a0=\u00a0280" in html
    assert "1.00% at temperature 1.5" in html
    assert "0.4000 at temperature 1.5" in html
    assert "64 px · 280 images" in html


def test_thresholds_stand_beside_f1():
    assert "<td>62.0</td><td>30.0</td><td>10</td>" in labels_page()


def test_equal_input_gives_equal_bytes():
    assert page() == page()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("window", WINDOWS, ids=["phone", "desk"])
def test_in_chromium(browser, tmp_path, name, window):
    path = tmp_path / "report.html"
    html = PAGES[name]()
    path.write_text(html, encoding="utf-8")
    papers = []
    for dark in (False, True):
        found = browser.look(path, *window, dark)
        assert found["errors"] == []
        assert found["page"] == window[0]
        assert found["wide"] == []
        assert len(found["widths"]) == html.count("<img")
        assert all(width >= 8 for width in found["widths"])
        papers.append(found["paper"])
    assert papers == ["rgb(252, 251, 249)", "rgb(21, 22, 24)"]


def test_the_browser_would_complain(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        '<meta name="viewport" content="width=device-width">'
        '<img src="data:image/png;base64,AAAA"><div style="width:900px">x</div>'
        "<script>console.error(1); nowhere()</script>"
    )
    found = browser.look(path, 390, 844)
    assert found["widths"] == [0]
    assert found["page"] >= 900 and found["wide"] == ["DIV."]
    assert len(found["errors"]) == 2
