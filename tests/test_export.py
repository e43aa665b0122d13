"""python -m kerastricks.export: where it writes, and what."""

import json
import shutil

import pytest

from kerastricks import evaluate, export
from kerastricks.errors import InputError, RunError
from kerastricks.run_dir import RunDir


def test_a_run_exports_itself_with_its_numbers(finished):
    """As the command would do it, and before its result is written."""
    folder = RunDir(finished.run_dir).saved_model
    record = json.loads((folder / "parity.json").read_text())
    assert record["temperature"] == finished.temperature
    told = {one["what"]: one for one in record["checks"]}
    assert told["SavedModel serve_bytes"]["images"] == 18
    for one in told.values():
        assert one["passed"] and one["largest"] <= one["tolerance"] == 1e-5
        assert one["top1_equal"] == one["images"]
    card = (folder / "model_card.md").read_text()
    assert f"| top-1 | {100 * finished.top1:.2f}%" in card
    assert (folder / "assets.extra/tf_serving_warmup_requests").is_file()


def test_export_replaces_nothing_but_a_saved_model(finished, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    argv = [
        f"--run_dir={finished.run_dir}",
        f"--output={precious}",
        "--parity_images=0",
    ]
    with pytest.raises(InputError, match="new or empty folder"):
        export.main(argv)
    assert (precious / "thesis.txt").read_text() == "years of work"
    (precious / "thesis.txt").unlink()
    for _ in range(2):
        export.main(argv)
        assert (precious / "saved_model.pb").is_file()


def test_commands_refuse_a_folder_that_is_no_run(tmp_path):
    for command in (evaluate, export):
        with pytest.raises(InputError, match="recipe.flags"):
            command.main([f"--run_dir={tmp_path}"])
        with pytest.raises(InputError, match="--run_dir=DIR"):
            command.main([])


def test_versions_and_views(finished, tmp_path, capsys):
    model = tmp_path / "flowers"
    argv = [f"--run_dir={finished.run_dir}", f"--output={model}"]
    tta = ["--tta=flip", "--tta_of=logits", "--tta_by=max"]
    export.main([*argv, *tta, "--version=auto", "--parity_images=5"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"SavedModel  {model / '1'}  ")
    assert lines[0].endswith(" MB, 2 views a picture (flip)")
    assert lines[1].startswith(
        "parity      SavedModel serve_bytes: 5 of 5 images with the same best"
    )
    assert lines[-1] == f"model card  {model / '1' / 'model_card.md'}"
    assert (model / "1" / "saved_model.pb").is_file()
    assert [path.name for path in model.iterdir()] == ["1"]


def test_a_broken_export_is_not_written(finished, tmp_path, monkeypatch):
    from kerastricks.serving import write

    save = write.save

    def wrong(classifier, folder, top_k, tta):
        kernel = classifier.model.get_layer("head").kernel
        kernel.assign(kernel * 1.01)
        save(classifier, folder, top_k, tta)

    monkeypatch.setattr(write, "save", wrong)
    argv = [f"--run_dir={finished.run_dir}", f"--output={tmp_path / 'm'}"]
    message = "nothing was written: SavedModel serve_bytes differs .* 4 images"
    with pytest.raises(RunError, match=message):
        export.main([*argv, "--parity_images=4"])
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_data_is_gone(finished, tmp_path, capsys):
    """It is exported, and what could not be done is said, in the card too."""
    run = tmp_path / "run"
    run.mkdir()
    for name in ("recipe.flags", "effective.json", "best.weights.h5"):
        shutil.copy(finished.run_dir / name, run)
    recipe = (run / "recipe.flags").read_text()
    data = RunDir(run).recipe().data.data
    gone = "folder:/home/me/my secret/gone"
    (run / "recipe.flags").write_text(recipe.replace(data, gone))
    export.main([f"--run_dir={run}"])
    said = "not checked: the run's data is not there ("
    assert said in capsys.readouterr().out
    for name in ("parity.json", "model_card.md"):
        text = (run / "saved_model" / name).read_text(encoding="utf-8")
        assert "gone" in text and "/home" not in text and "secret" not in text
    assert "Not checked: the run's data" in (
        run / "saved_model" / "model_card.md"
    ).read_text(encoding="utf-8")
    record = json.loads((run / "saved_model" / "parity.json").read_text())
    assert record["checks"] == []


@pytest.mark.parametrize(
    "option, message",
    [
        ("--tta=center+4", "fixed views: .* Received: tta=center.4"),
        ("--tta=mirror", "tta must be .* Received: tta=mirror"),
        ("--tta=flip --tta_by=median", "tta_by"),
        ("--tta_of=logits", "none without --tta. Received: tta_of=logits"),
        ("--format=tflite", "savedmodel, litert, .* Received: format=tflite"),
        ("--top_k=0", "at least 1. Received: top_k=0"),
        ("--parity_images=-1", "at least 0. Received: parity_images=-1"),
        ("--int8_tolerance=0", "above 0 .* Received: int8_tolerance=0"),
        ("--version=v2", "version must be .* Received: version=v2"),
        ("--version=1 --output=", "need --output=DIR.* Received: version=1"),
        ("--output=/dev/null/m", "can be written to. Received: output=/dev/nu"),
        ("extra", "flags only. Received: extra"),
    ],
)
def test_what_is_refused(finished, tmp_path, option, message):
    argv = [f"--run_dir={finished.run_dir}", f"--output={tmp_path / 'm'}"]
    with pytest.raises(InputError, match=message):
        export.main([*argv, *option.split()])
    assert not (tmp_path / "m").exists()
