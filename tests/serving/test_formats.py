"""Formats by their names, and the packages that they need."""

import importlib.util
import re
from pathlib import Path

import pytest

from kerastricks.errors import InputError
from kerastricks.serving import formats

SETUP = Path(__file__).parents[2] / "setup.py"


@pytest.mark.parametrize(
    "text, names",
    [
        ("", ["savedmodel"]),
        ("savedmodel", ["savedmodel"]),
        ("onnx", ["savedmodel", "onnx"]),
        (" onnx, litert,,litert ", ["savedmodel", "litert", "onnx"]),
        ("litert_int8", ["savedmodel", "litert_int8"]),
    ],
)
def test_the_saved_model_is_always_among_them(text, names):
    found = formats.parse_formats(text)
    assert [one.name for one in found] == names
    assert [one.name for one in found if one.whole] == ["savedmodel"]


def test_unknown_format():
    with pytest.raises(InputError, match="litert_int8, onnx.*format=tflite"):
        formats.parse_formats("onnx,tflite")


@pytest.mark.parametrize(
    "name, package, extra",
    [
        ("onnx", "tf2onnx", "onnx"),
        ("litert", "ai_edge_litert", "litert"),
        ("litert_int8", "ai_edge_litert", "litert"),
    ],
)
def test_missing_package_names_the_extra(monkeypatch, name, package, extra):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    formats.need_packages(formats.parse_formats("savedmodel"))
    message = rf"needs the package {package}: pip install 'kerastricks\[{extra}"
    with pytest.raises(InputError, match=message):
        formats.need_packages(formats.parse_formats(name))


def test_the_extras_bring_these_packages():
    text = SETUP.read_text(encoding="utf-8")
    for one in formats.FORMATS:
        if not one.extra:
            continue
        brought = re.search(rf'"{one.extra}": \[(.+?)\]', text, re.S).group(1)
        for package in one.packages:
            assert f'"{package.replace("_", "-")}' in brought
