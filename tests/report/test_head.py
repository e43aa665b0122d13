"""Tiles and what stands below them."""

from kerastricks.report import head, page


def test_the_measured_interval_goes_before_wilsons():
    numbers = {"top1": 0.9, "top1_low": 0.88, "top1_high": 0.915}
    told = head.note("top1", numbers, 1000)
    assert told == "95% interval 88.0–91.5, n\u00a0=\u00a01,000"
    # Wilson at p = 0.9, n = 1000: (0.9019 / 1.00384 +- 0.01861)
    assert head.note("top1", {"top1": 0.9}, 1000).startswith(
        "95% interval 88.0–91.7"
    )
    assert head.note("top1", numbers, 0) == ""


def test_what_the_temperature_changes_stands_below():
    numbers = {"ece": 0.05, "ece_calibrated": 0.0123, "temperature": 1.3456}
    assert head.note("ece", numbers, 10) == "1.23% at temperature 1.35"
    numbers = {"loss": 1, "loss_calibrated": 0.75, "temperature": 2.0}
    assert head.note("loss", numbers, 10) == "0.7500 at temperature 2"
    assert head.note("loss", {"loss": 1}, 10) == ""


def test_sections_without_content_are_left_out():
    sections = [("a", "First", "<p>1</p>"), ("b", "Second", "")]
    html = head.document("t", "e", ["x", "y"], "", ["note <1>"], sections)
    assert 'href="#a"' in html and 'id="a"' in html and "Second" not in html
    assert "x · y" in html and "<li>note &lt;1&gt;</li>" in html


def test_a_number_that_is_none_is_a_dash():
    assert head.shown(None, page.percent) == ("–", "")
    assert head.shown(0.5, page.percent) == ("50.00", "%")
