"""A folder with everything, or none."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.errors import InputError, RunError
from kerastricks.evaluation.tta import Tta
from kerastricks.serving import write, write_export
from kerastricks.serving.formats import SAVED_MODEL, parse_formats
from kerastricks.serving.sample import Sample
from kerastricks.serving.write import Evidence


def test_a_folder_has_model_record_and_card(tiny, tmp_path):
    path = tmp_path / "deep" / "model"
    record = write_export(
        tiny,
        path,
        card=lambda record: f"of {record['folder']}",
        gather=lambda: Evidence(why_not="no data"),
        top_k=9,
    )
    files = {file.name for file in path.iterdir()}
    assert {"saved_model.pb", "variables", "assets.extra"} < files
    assert (path / "model_card.md").read_text() == "of model"
    assert json.loads((path / "parity.json").read_text()) == record
    assert record["top_k"] == 3 and record["temperature"] == 0.5
    assert (record["checks"], record["why_not"]) == ([], "no data")
    assert (
        record["formats"][0]["bytes"] > (path / "saved_model.pb").stat().st_size
    )
    # Each weight is there once: two of the convolution, two of the head.
    stored = tf.train.list_variables(str(path / "variables" / "variables"))
    shapes = [shape for name, shape in stored if shape]
    assert sorted(shapes) == [[3], [3, 3, 3, 8], [8], [8, 3]]


def test_what_is_broken_is_not_left_behind(tiny, squares, tmp_path):
    wrong = np.full((24, 3), 1 / 3)
    logits = np.zeros((24, 3), np.float32)
    sample = Sample(list(squares), squares, logits, wrong)
    with pytest.raises(RunError, match="nothing was written"):
        write_export(
            tiny, tmp_path / "m", card=str, gather=lambda: Evidence(sample)
        )
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_gathered_for_views_that_cannot_be_had(tiny, tmp_path):
    def gather():
        raise AssertionError

    with pytest.raises(InputError, match="tta=center.2"):
        write_export(
            tiny,
            tmp_path / "m",
            card=str,
            gather=gather,
            tta=Tta("center+2"),
        )


def test_a_version_that_was_faster_stays(tmp_path):
    """Its number is taken between the choice and the move."""

    def made(text):
        partial = tmp_path / f"partial {text}"
        partial.mkdir()
        (partial / "saved_model.pb").write_text(text)
        return partial

    def landed(text, version):
        record = write.landed(
            made(text),
            model / "1",
            version,
            {},
            lambda record: f"load {record['folder']}",
        )
        return record["folder"]

    model = tmp_path / "flowers"
    model.mkdir()
    assert landed("first", "auto") == "1"
    assert landed("second", "auto") == "2"
    assert landed("third", "auto") == "3"
    with pytest.raises(InputError, match="stays as it is: .*version=1"):
        landed("fourth", "1")
    for name, text in (("1", "first"), ("2", "second"), ("3", "third")):
        assert (model / name / "saved_model.pb").read_text() == text
        assert (model / name / "model_card.md").read_text() == f"load {name}"
        record = json.loads((model / name / "parity.json").read_text())
        assert record == {"folder": name}
    assert landed("fifth", "") == "1"  # without versions it is replaced
    assert (model / "1" / "saved_model.pb").read_text() == "fifth"


def test_views_that_cannot_be_had(tiny):
    for formats, kind in (
        ([SAVED_MODEL], "center+2"),
        (parse_formats("onnx"), "tencrop"),
    ):
        with pytest.raises(InputError, match=f"tta={kind}".replace("+", ".")):
            write.refuse(tiny, formats, Tta(kind))
    write.refuse(tiny, parse_formats("onnx"), Tta("flip"))


def test_int8_needs_squares(tiny, tmp_path):
    (one,) = parse_formats("litert_int8")[1:]
    with pytest.raises(ValueError, match="calibration .*litert_int8"):
        write.write_format(one, tiny, tmp_path, 1, Tta("center"), None)
    assert dataclasses.asdict(one)["file"] == "model_int8.tflite"
