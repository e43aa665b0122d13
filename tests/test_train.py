"""A small run from start to finish, and what comes of it."""

import json
import re
import shutil

import keras
import numpy as np
import pytest

import kerastricks
from kerastricks import experiment
from kerastricks.errors import InputError, RunError
from kerastricks.flags import parse_recipe, recipe_text
from kerastricks.run_dir import RunDir

CONTRACT = (
    "top1 top5 loss ece images_per_second seconds steps epochs params flops "
    "seed versions recipe_sha256"
).split()


def test_it_learns_colours(finished):
    assert finished.top1 > 0.8
    assert finished.val_images == 18


def test_run_folder_holds_what_it_promises(finished):
    names = {path.name for path in finished.run_dir.iterdir()}
    assert names == {
        "best.weights.h5",
        "calibration.json",
        "checkpoints",
        "effective.json",
        "metrics.csv",
        "recipe.flags",
        "report.html",
        "result.json",
        "saved_model",
        "tensorboard",
    }


def test_result_has_the_keys_of_the_contract(finished):
    values = json.loads((finished.run_dir / "result.json").read_text())
    assert set(CONTRACT) <= set(values)
    assert values["steps"] == 6 * 6
    assert values["epochs"] == 6
    assert values["versions"]["keras"] == keras.__version__
    assert values == finished.values


def test_result_names_what_it_lacks(finished):
    with pytest.raises(AttributeError, match="Received: top2"):
        _ = finished.top2


def test_recipe_flags_replay_the_run(small_recipe, finished):
    text = (finished.run_dir / "recipe.flags").read_text()
    settled = small_recipe.settled()
    assert RunDir(finished.run_dir).recipe().identity() == settled.identity()
    assert f"--data={small_recipe.data.data}\n" in text


def test_report_is_self_contained(finished):
    html = (finished.run_dir / "report.html").read_text()
    assert "<svg" in html
    assert not re.search(r"""(src|href)=["']https?:""", html)


def test_the_same_recipe_again_is_finished(small_recipe, finished, capsys):
    again = kerastricks.run(small_recipe.replace(run_dir=str(finished.run_dir)))
    assert again.values == finished.values
    assert "already finished" in capsys.readouterr().out


def test_another_recipe_is_refused_with_what_differs(small_recipe, finished):
    other = small_recipe.replace(run_dir=str(finished.run_dir), mixup=0.3)
    with pytest.raises(InputError, match=r"--mixup=0.3 \(there: 0.2\)"):
        kerastricks.run(other)


def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(
    small_recipe, tmp_path
):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow as Keras's backend")
    wild = small_recipe.replace(
        run_dir=str(tmp_path / "run"),
        learning_rate=1e30,
        warmup_epochs=2.0,
        checkpoint_steps=1,
    )
    with pytest.raises(RunError, match=r"became NaN or infinite (at|by) step"):
        kerastricks.run(wild)
    saved = list((tmp_path / "run" / "checkpoints").glob("step-*"))
    assert saved
    for folder in saved:
        with np.load(folder / "variables.npz") as file:
            assert all(np.isfinite(file[name]).all() for name in file.files)
    assert not (tmp_path / "run" / "result.json").exists()


def test_truncated_picture_is_named(small_recipe, image_folder, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow as Keras's backend")
    copy = tmp_path / "data"
    shutil.copytree(image_folder, copy)
    victim = copy / "train" / "red" / "03.jpg"
    victim.write_bytes(victim.read_bytes()[:200])
    changed = small_recipe.replace(
        data=f"folder:{copy}", run_dir=str(tmp_path / "r")
    )
    with pytest.raises(InputError, match="red/03.jpg"):
        kerastricks.run(changed)
    in_memory = changed.replace(cache="ram", run_dir=str(tmp_path / "m"))
    with pytest.raises(InputError, match="red/03.jpg"):
        kerastricks.run(in_memory)
    skipping = changed.replace(
        on_bad_image="skip",
        run_dir=str(tmp_path / "s"),
        epochs=1,
        mix_off_epochs=0,
        export=False,
    )
    result = kerastricks.run(skipping)
    assert result.skipped_images == 1
    report = (result.run_dir / "report.html").read_text(encoding="utf-8")
    assert "bad images left out (1): " in report
    assert "red/03.jpg (damaged)</li>" in report


@pytest.fixture
def begun(small_recipe, finished, image_folder, tmp_path):
    """A run that stopped before its result, on a copy of the data."""
    shutil.copytree(image_folder, tmp_path / "data")
    shutil.copytree(finished.run_dir, tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    theirs = RunDir(finished.run_dir).recipe()
    moved = theirs.replace(
        data=f"folder:{tmp_path / 'data'}", run_dir=str(tmp_path / "run")
    )
    flags = tmp_path / "run" / "recipe.flags"
    flags.write_text(recipe_text(moved))
    return moved


def test_changed_data_is_noticed_before_anything_is_written(begun, tmp_path):
    (tmp_path / "data" / "train" / "red" / "00.jpg").unlink()
    about = (tmp_path / "run" / "effective.json").read_text()
    with pytest.raises(InputError, match="data has changed.*train_images=47"):
        kerastricks.run(begun)
    assert (tmp_path / "run" / "effective.json").read_text() == about


def test_data_may_move_and_training_is_not_done_twice(begun, finished):
    again = kerastricks.run(begun.replace(export=False))
    assert again.top1 == finished.top1
    assert again.seconds == finished.seconds


def test_a_second_process_is_kept_out(begun, tmp_path):
    with RunDir(tmp_path / "run").claimed(begun):
        with pytest.raises(InputError, match="another process is at work"):
            kerastricks.run(begun)


def test_half_precision_trains(small_recipe, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow as Keras's backend")
    losses = {}
    for precision in ("float32", "float16", "bfloat16"):
        half = small_recipe.replace(
            precision=precision,
            epochs=2,
            mix_off_epochs=0,
            export=False,
            learning_rate=0.3,  # gentle: rounding shall not grow
            run_dir=str(tmp_path / precision),
        )
        result = kerastricks.run(half)
        about = json.loads((result.run_dir / "effective.json").read_text())
        losses[about["run"]["precision"]] = result.loss
    assert losses["mixed_float16"] == pytest.approx(losses["float32"], rel=0.02)
    assert losses["mixed_bfloat16"] == pytest.approx(losses["float32"], rel=0.1)


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--data=folder:/nowhere", "data folder must exist"),
        ("--data=zip:x", "data must be"),
        ("--batch_size=1000", "batch_size must not exceed"),
        ("--model=resnet19", "model must be a name that"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    image_folder, tmp_path, flag, message
):
    argv = [
        f"--data=folder:{image_folder}",
        f"--run_dir={tmp_path / 'r'}",
        "--batch_size=8",
        flag,
    ]
    with pytest.raises(InputError, match=message) as caught:
        experiment.run(parse_recipe(argv, ""))
    assert "\n" not in str(caught.value)
    assert "Received:" in str(caught.value)
