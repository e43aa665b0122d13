"""python -m kerastricks.predict: names for pictures."""

import csv
import os

import numpy as np
import pytest

from kerastricks import build, predict, trained
from kerastricks.errors import InputError
from kerastricks.evaluation import softmax
from kerastricks.outcome import judge
from kerastricks.run_dir import RunDir


def test_predict_names_the_picture(finished, image_folder, capsys):
    file = image_folder / "val" / "red" / "00.jpg"
    predict.main([f"--run_dir={finished.run_dir}", "--top_k=1", str(file)])
    first, second = capsys.readouterr().out.splitlines()
    assert first == str(file)
    assert second.split()[1] == "red"


def test_a_picture_may_have_a_name_that_is_not_utf8(
    finished, image_folder, tmp_path, capsys
):
    data = (image_folder / "val" / "red" / "00.jpg").read_bytes()
    path = os.fsencode(tmp_path) + b"/\xe9.jpg"
    with open(path, "wb") as file:
        file.write(data)
    predict.main([f"--run_dir={finished.run_dir}", os.fsdecode(path)])
    assert "red" in capsys.readouterr().out


def test_probabilities_are_calibrated(finished, image_folder):
    run = RunDir(finished.run_dir)
    classifier = trained.load(run.recipe(), run)
    assert classifier.temperature == finished.temperature
    files = sorted(map(str, (image_folder / "val").glob("*/*.jpg")))
    outcome = judge(
        run.recipe(), classifier, build.evaluation_data(run.recipe())
    )
    expected = softmax(outcome.logits / finished.temperature)
    found = predict.classify(run.recipe(), classifier, files)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_is_no_picture_is_named_and_the_rest_answered(
    finished, image_folder, tmp_path, capsys
):
    good = image_folder / "val" / "red" / "00.jpg"
    notes, cut = tmp_path / "notes.jpg", tmp_path / "cut.jpg"
    notes.write_text("not a picture")
    cut.write_bytes(good.read_bytes()[:300])
    files = [str(file) for file in (notes, good, cut)]
    with pytest.raises(InputError) as caught:
        predict.main([f"--run_dir={finished.run_dir}", "--top_k=1", *files])
    assert str(caught.value) == (
        "every file must be a whole JPEG, PNG, GIF, BMP or WebP of no more "
        "than the run's max_pixels. "
        f"Received: {notes} (no image), {cut} (damaged)"
    )
    first, second = capsys.readouterr().out.splitlines()
    assert first == str(good)
    assert second.split()[1] == "red"


def test_nothing_but_bad_files(finished, tmp_path, capsys):
    (tmp_path / "empty.png").touch()
    with pytest.raises(InputError, match="empty.png"):
        predict.main(
            [f"--run_dir={finished.run_dir}", f"{tmp_path / 'empty.png'}"]
        )
    assert capsys.readouterr().out == ""


def test_files_that_do_not_exist(finished, image_folder):
    good = str(image_folder / "val" / "red" / "00.jpg")
    with pytest.raises(
        InputError, match=r"Received: a.jpg \(missing\), b.jpg \(missing\)"
    ):
        predict.main([f"--run_dir={finished.run_dir}", good, "a.jpg", "b.jpg"])


def test_a_folder_and_a_table(finished, image_folder, tmp_path, capsys):
    output = tmp_path / "new" / "found.csv"
    folder = image_folder / "val"
    predict.main(
        [f"--run_dir={finished.run_dir}", f"--output={output}", str(folder)]
    )
    with open(output, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    files = sorted(map(str, folder.glob("*/*.jpg")))
    assert [row["image"] for row in rows] == files
    run = RunDir(finished.run_dir)
    classifier = trained.load(run.recipe(), run)
    expected = predict.classify(run.recipe(), classifier, files)
    for row, shares in zip(rows, expected, strict=True):
        assert row["class_1"] == classifier.class_names[shares.argmax()]
        assert float(row["probability_1"]) == pytest.approx(
            shares.max(), abs=1e-5
        )
        assert float(row["probability_3"]) <= float(row["probability_2"])
    assert f"{len(files)} pictures in {output}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given, message",
    [
        (["--output=found.txt", "a.jpg"], "FILE.csv. Received: output=found"),
        (["--output=setup.py/found.csv", "a.jpg"], "that can be written to"),
        ([""], "or folders of them. Received:  \\(missing\\)"),
        (["docs"], "Received: docs \\(a folder without any\\)"),
    ],
)
def test_refused(finished, monkeypatch, tmp_path, given, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "setup.py").touch()
    with pytest.raises(InputError, match=message):
        predict.main([f"--run_dir={finished.run_dir}", *given])
