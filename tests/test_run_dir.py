"""The folder of a run: whose it is, and what it holds."""

import json
import pathlib

import pytest

from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.run_dir import RunDir, default_path, open_run, open_runs

RECIPE = Recipe(data="folder:pets", mixup=0.2, epochs=4)


@pytest.fixture
def run(tmp_path):
    """A folder that RECIPE has claimed and left a checkpoint in."""
    made = RunDir(tmp_path / "runs" / "one")
    with made.claimed(RECIPE):
        made.record(RECIPE, {"data": {"image_size": 32}})
        (made.checkpoints / "step-8").mkdir(parents=True)
    return made


def claim(run, recipe):
    """Whether the recipe gets the folder."""
    with run.claimed(recipe):
        assert run.path.is_dir()


def refusal(call, *args):
    with pytest.raises(InputError) as caught:
        call(*args)
    return str(caught.value)


def test_run_that_came_to_nothing_leaves_no_folder(tmp_path):
    made = RunDir(tmp_path / "a" / "b")
    claim(made, RECIPE)
    assert not made.path.exists()
    made.path.mkdir()  # somebody's own, though empty
    claim(made, RECIPE)
    assert list(made.path.iterdir()) == []


def test_a_second_process_is_kept_out(run):
    with run.claimed(RECIPE):
        assert refusal(claim, run, RECIPE) == (
            "another process is at work in this run_dir. "
            f"Received: run_dir={run.path}"
        )
    claim(run, RECIPE)


def test_record_writes_what_replays_the_run(run):
    replayed = run.recipe()
    assert replayed == RECIPE
    assert run.read(run.effective_file) == {"data": {"image_size": 32}}


def test_the_same_experiment_may_go_on(run):
    claim(run, RECIPE)
    # What is no part of the identity may differ.
    claim(run, RECIPE.replace(run_dir="x", export=False, checkpoint_steps=3))
    assert run.recipe() == RECIPE


def test_another_recipe_is_refused_with_the_flags_that_differ(run):
    other = RECIPE.replace(mixup=0.4, crop_area=(0.5, 1), nesterov=False)
    assert refusal(claim, run, other) == (
        "run_dir holds a run of another recipe; give these flags as they were "
        "to go on with it, or another run_dir. Received: "
        "--crop_area=0.5,1.0 (there: 0.08,1.0), "
        "--mixup=0.4 (there: 0.2), "
        "--nesterov=false (there: true) "
        f"in run_dir={run.path}"
    )
    assert run.recipe() == RECIPE


def test_a_finished_run_is_kept_though_its_checkpoints_are_gone(run):
    (run.checkpoints / "step-8").rmdir()
    run.result_file.write_text("{}", encoding="utf-8")
    assert "--epochs=5 (there: 4)" in refusal(
        claim, run, RECIPE.replace(epochs=5)
    )


def test_a_recipe_that_came_to_nothing_claims_nothing(run):
    (run.checkpoints / "step-8").rmdir()
    claim(run, RECIPE.replace(epochs=5))


def test_same_recipe_is_no_matter_of_the_circumstances(run):
    ours = RECIPE.replace(export=False, keep_checkpoints=9, run_dir="y")
    run.check_same_recipe(ours)
    assert "Received: --seed=1 (there: 0) in" in refusal(
        run.check_same_recipe, RECIPE.replace(seed=1)
    )


def test_numbers_that_are_still_to_be_measured_may_be_any(run):
    measured = RECIPE.replace(normalize="1,2,3/4,5,6")
    run.record(measured, {})
    run.check_same_recipe(RECIPE.replace(normalize="dataset"))
    assert "--normalize=1,2,3/4,5,7 (there: 1,2,3/4,5,6)" in refusal(
        run.check_same_recipe, RECIPE.replace(normalize="1,2,3/4,5,7")
    )


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        message = refusal(claim, RunDir(path), RECIPE)
        assert message.startswith(
            "run_dir must be a folder that can be written to ("
        )
        assert message.endswith(f"Received: run_dir={path}")
    assert (tmp_path / "file").read_text() == "in the way"


def test_folder_of_no_run_is_refused(tmp_path):
    assert refusal(RunDir(tmp_path).recipe) == (
        "run_dir must be the folder of a run (it holds recipe.flags). "
        f"Received: run_dir={tmp_path}"
    )


@pytest.mark.parametrize("content", [None, b"", b'{"top1": 0.5', b"\xff\xfe{"])
def test_result_that_is_missing_or_damaged_is_refused(run, content):
    if content is not None:
        run.result_file.write_bytes(content)
    assert refusal(run.read, run.result_file) == (
        "this run has no whole result.json yet: train it first (the same "
        f"command goes on where it stopped). Received: run_dir={run.path}"
    )


@pytest.mark.parametrize("content", [None, b"", b'{"top1": 0.5'])
def test_a_run_without_a_whole_result_is_not_finished(run, content):
    if content is not None:
        run.result_file.write_bytes(content)
    assert run.result() is None


def test_whole_result_is_read(run):
    values = {"top1": 1 / 3, "versions": {"keras": "3"}, "name": "mélange"}
    run.result_file.write_text(json.dumps(values), encoding="utf-8")
    assert run.read(run.result_file) == run.result() == values


def test_recipe_of_another_version_is_refused_with_its_flag(run):
    text = run.recipe_file.read_text(encoding="utf-8")
    run.recipe_file.write_text(f"{text}--warp=1\n", encoding="utf-8")
    assert refusal(run.recipe).startswith("no such flag. Received: --warp.")


def test_home_folder_is_meant_by_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    run = RunDir(pathlib.Path("~/runs/one"))
    with run.claimed(RECIPE):
        run.record(RECIPE, {})
    assert (tmp_path / "runs" / "one" / "recipe.flags").is_file()
    assert run.recipe() == RECIPE


def test_several_runs_have_commas_between_them(tmp_path):
    (tmp_path / "a,b").mkdir()
    found = open_runs(f"{tmp_path / 'c'}, {tmp_path / 'd'},")
    assert [run.path for run in found] == [tmp_path / "c", tmp_path / "d"]
    (whole,) = open_runs(f"{tmp_path / 'a,b'}")
    assert whole.path == tmp_path / "a,b"
    assert open_runs("") == []
    with pytest.raises(InputError, match="needs --run_dir=DIR. Received: none"):
        open_run("")


def test_runs_of_old_have_no_calibration(run):
    assert run.calibration() == {}
    run.path.mkdir(exist_ok=True)
    run.calibration_file.write_text('{"temperature": 2.0}')
    assert run.calibration() == {"temperature": 2.0}


def test_every_file_has_a_place_of_its_own(tmp_path):
    run = RunDir(tmp_path)
    paths = {
        name: getattr(run, name)
        for name, value in vars(RunDir).items()
        if isinstance(value, property)
    }
    assert {name: path.name for name, path in paths.items()} == {
        "recipe_file": "recipe.flags",
        "effective_file": "effective.json",
        "result_file": "result.json",
        "metrics_file": "metrics.csv",
        "report_file": "report.html",
        "calibration_file": "calibration.json",
        "best_weights": "best.weights.h5",
        "checkpoints": "checkpoints",
        "teacher_logits": "teacher_logits.npz",
        "events": "tensorboard",
        "saved_model": "saved_model",
    }
    assert {path.parent for path in paths.values()} == {tmp_path}


@pytest.mark.parametrize(
    "data, name",
    [
        ("shapes", "shapes"),
        ("folder:/data/pets/", "pets"),
        ("folder:pets", "pets"),
        ("arrays:/data/digits.npz", "digits.npz"),
        ("tfrecord:/data/train-*", "train"),
        ("tfds:cifar10@3.0.2", "cifar10-3.0.2"),
    ],
)
def test_default_folder_is_named_by_data_model_and_hash(data, name):
    recipe = Recipe(data=data, model="resnet10_d")
    expected = f"runs/{name}-resnet10_d-{recipe.sha256()[:8]}"
    assert default_path(recipe).as_posix() == expected
    assert default_path(recipe.replace(export=False)) == default_path(recipe)
    assert default_path(recipe.replace(seed=1)) != default_path(recipe)
