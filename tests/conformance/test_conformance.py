"""Ours does what the papers say; docs/conformance.md says what was measured.

The probes, and the papers' laws that they were run on for measured.json, are in
tools/conformance. The draws are functions of keys, so that what passes once
passes always; the tolerances (tolerances.json) are about three deviations at
its numbers of calls, and 0 where nothing may differ.
"""

import json
import pathlib
import sys

import keras
import pytest

from kerastricks import augment

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from conformance import ours, page, probes, sections, stats  # noqa: E402

MEASURED = json.loads(page.MEASURED.read_text(encoding="utf-8"))
CHECKS = json.loads(
    (pathlib.Path(__file__).parent / "tolerances.json").read_text()
)


def recorded(contestant, key):
    """What stands in measured.json; a variant may follow the contestant."""
    name, _, variant = contestant.partition(": ")
    probe = key.partition(":")[0]
    tricks = MEASURED["contestants"][name]["tricks"]
    return tricks[f"{probe}: {variant}" if variant else probe]["numbers"]


def cases():
    """Two of them on JAX as well: the draws are the same bits there."""
    for key in CHECKS:
        marks = [pytest.mark.traced] if key in ("mixup", "hue") else []
        yield pytest.param(key, marks=marks)


@pytest.mark.parametrize("key", list(cases()))
def test_ours_follows_the_law(key):
    check = CHECKS[key]
    apply = ours.CONTESTANT[key].make()
    found = probes.probe_of(key).measure(apply, check["calls"])
    expected = recorded(check["against"], key)
    for quantity, tolerance in check["tolerances"].items():
        one, other = stats.rounded(found[quantity]), expected[quantity]
        if tolerance:
            assert one == pytest.approx(other, abs=tolerance), quantity
        else:
            assert one == other, quantity


def test_every_trick_of_ours_is_held_against_something():
    held = {key.partition(":")[0] for key in CHECKS}
    assert held == set(probes.PROBES) - {"order", "cutmix in float16"}


def test_ours_and_the_laws_ran():
    for name in ("paper", "ours"):
        for key, trick in MEASURED["contestants"][name]["tricks"].items():
            assert "numbers" in trick, (name, key, trick.get("error"))


def test_ours_clips_once_and_has_no_nan():
    order = recorded("ours", "order")
    assert order["share of images that show a clip on the way"] == 0
    assert (
        recorded("ours", "cutmix in float16")["share of labels that are NaN"]
        == 0
    )


def test_each_probe_has_a_law_or_a_peer_and_ours():
    for key in probes.PROBES:
        assert key in ours.CONTESTANT
        assert any(
            key in entry["tricks"]
            for name, entry in MEASURED["contestants"].items()
            if name != "ours"
        )


def test_the_page_is_what_was_measured():
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.page(MEASURED), (
        "run: python tools/conformance/page.py --write"
    )


def test_every_batch_trick_has_a_section():
    headings = {s.heading.partition(":")[0] for s in sections.SECTIONS}
    tricks = {
        name
        for name, value in vars(augment).items()
        if isinstance(value, type)
        and issubclass(value, augment.BatchTrick)
        # Those that are only inherited from cannot be saved.
        and keras.saving.get_registered_name(value).startswith("kerastricks>")
    }
    assert len(tricks) >= 15
    assert tricks <= headings, tricks - headings
