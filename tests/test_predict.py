"""python -m kerastricks.predict: names for pictures."""

import pytest

from kerastricks import predict
from kerastricks.errors import InputError


def test_predict_names_the_picture(finished, image_folder, capsys):
    file = image_folder / "val" / "red" / "00.jpg"
    predict.main([f"--run_dir={finished.run_dir}", "--top_k=1", str(file)])
    first, second = capsys.readouterr().out.splitlines()
    assert first == str(file)
    assert second.split()[1] == "red"


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
        f"Received: {notes}, {cut}"
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
    with pytest.raises(InputError, match="no such file. Received: a.jpg, b"):
        predict.main([f"--run_dir={finished.run_dir}", good, "a.jpg", "b.jpg"])
