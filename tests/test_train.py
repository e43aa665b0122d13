"""A small run from start to finish, and what comes of it."""

import json
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerastricks
from kerastricks import evaluate, experiment, export, predict
from kerastricks.errors import InputError, RunError
from kerastricks.flags import parse_recipe, recipe_text
from kerastricks.run_dir import RunDir

CONTRACT = (
    "top1 top5 loss ece images_per_second seconds steps epochs params flops "
    "seed versions recipe_sha256"
).split()


@pytest.fixture(scope="module")
def recipe(image_folder):
    return kerastricks.Recipe(
        data=f"folder:{image_folder}",
        backend="tensorflow",
        precision="float32",
        model="resnet10_d",
        width=0.125,
        image_size=32,
        batch_size=8,
        epochs=6,
        learning_rate=1.0,
        mixup=0.2,
        mix_off_epochs=2,
        normalize="120,110,100/60,61,62",
    )


@pytest.fixture(scope="module")
def result(recipe, tmp_path_factory):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("these tests need TensorFlow as Keras's backend")
    path = tmp_path_factory.mktemp("runs") / "run"
    return kerastricks.run(recipe.replace(run_dir=str(path)))


def test_it_learns_colours(result):
    assert result.top1 > 0.8
    assert result.val_images == 18


def test_run_folder_holds_what_it_promises(result):
    names = {path.name for path in result.run_dir.iterdir()}
    assert names == {
        "best.weights.h5",
        "checkpoints",
        "effective.json",
        "metrics.csv",
        "recipe.flags",
        "report.html",
        "result.json",
        "saved_model",
        "tensorboard",
    }


def test_result_has_the_keys_of_the_contract(result):
    values = json.loads((result.run_dir / "result.json").read_text())
    assert set(CONTRACT) <= set(values)
    assert values["steps"] == 6 * 6
    assert values["epochs"] == 6
    assert values["versions"]["keras"] == keras.__version__
    assert values == result.values


def test_result_names_what_it_lacks(result):
    with pytest.raises(AttributeError, match="Received: top2"):
        _ = result.top2


def test_effective_tells_what_applies(recipe, result):
    about = json.loads((result.run_dir / "effective.json").read_text())
    assert about["data"]["class_names"] == ["blue", "green", "red"]
    assert about["data"]["mean"] == [120, 110, 100]
    # One convolution per zero gamma: four residual branches.
    assert len(about["variables"]["zero_gamma"]) == 4
    kernels = about["variables"]["decayed"]
    assert all(path.endswith("kernel") for path in kernels)
    assert not any(
        path.endswith("kernel") for path in about["variables"]["not_decayed"]
    )
    assert about["optimizer"]["peak_learning_rate"] == 1.0 * 8 / 256
    first = about["optimizer"]["learning_rate_at"][0]
    # A sixth of six epochs warms up: one epoch, 6 steps.
    assert first == {
        "epoch": 0.0,
        "learning_rate": pytest.approx(8 / 256 / 6, rel=1e-6),
    }
    assert len(about["optimizer"]["learning_rate_at"]) == 10
    assert [phase["epochs"] for phase in about["phases"]] == [4, 2]
    assert "MixUp(alpha=0.2)" in about["phases"][0]["augment"]
    assert "MixUp(alpha=0.2)" not in about["phases"][1]["augment"]


def test_coupled_decay_is_told_in_the_others_terms(result):
    about = json.loads((result.run_dir / "effective.json").read_text())
    decay = about["optimizer"]["weight_decay"]
    assert decay["given"] == decay["coupled_equivalent"] == 1e-4
    assert decay["decoupled_equivalent"] == pytest.approx(1e-3)


def test_recipe_flags_replay_the_run(recipe, result):
    text = (result.run_dir / "recipe.flags").read_text()
    assert RunDir(result.run_dir).recipe().identity() == recipe.identity()
    assert f"--data={recipe.data.data}\n" in text


def test_report_is_self_contained(result):
    html = (result.run_dir / "report.html").read_text()
    assert "<svg" in html
    assert not re.search(r"""(src|href)=["']https?:""", html)


def test_the_same_recipe_again_is_finished(recipe, result, capsys):
    again = kerastricks.run(recipe.replace(run_dir=str(result.run_dir)))
    assert again.values == result.values
    assert "already finished" in capsys.readouterr().out


def test_another_recipe_is_refused_with_what_differs(recipe, result):
    other = recipe.replace(run_dir=str(result.run_dir), mixup=0.3)
    with pytest.raises(InputError, match=r"--mixup=0.3 \(there: 0.2\)"):
        kerastricks.run(other)


def test_evaluate_gives_the_numbers_of_the_run(result, capsys):
    evaluate.main([f"--run_dir={result.run_dir}"])
    printed = dict(
        line.split() for line in capsys.readouterr().out.splitlines()[:4]
    )
    for name in ("top1", "top5", "loss", "ece"):
        assert float(printed[name]) == pytest.approx(
            result.values[name], abs=1e-6
        )


def test_evaluate_refuses_data_of_other_classes(result, cache):
    with pytest.raises(InputError, match="the classes of the run"):
        evaluate.main([f"--run_dir={result.run_dir}", "--data=shapes"])


def test_predict_names_the_picture(result, image_folder, capsys):
    file = image_folder / "val" / "red" / "00.jpg"
    predict.main([f"--run_dir={result.run_dir}", "--top_k=1", str(file)])
    first, second = capsys.readouterr().out.splitlines()
    assert first == str(file)
    assert second.split()[1] == "red"


def test_predict_refuses_what_is_no_picture(result, tmp_path):
    file = tmp_path / "notes.jpg"
    file.write_text("not a picture")
    with pytest.raises(InputError, match="notes.jpg"):
        predict.main([f"--run_dir={result.run_dir}", str(file)])


def test_commands_refuse_a_folder_that_is_no_run(tmp_path):
    for command in (evaluate, export):
        with pytest.raises(InputError, match="recipe.flags"):
            command.main([f"--run_dir={tmp_path}"])
        with pytest.raises(InputError, match="--run_dir=DIR"):
            command.main([])


SERVE = """
import json, pathlib, sys
import numpy as np
import tensorflow as tf

# TensorFlow's own import drags some of Keras in: take it out, and let nobody
# fetch it again.
OURS = ("keras", "kerastricks", "keras_cv", "tf_keras")
for name in [n for n in sys.modules if n.split(".")[0] in OURS]:
    del sys.modules[name]

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in OURS:
            raise ImportError(f"the served model must not need {name}")

sys.meta_path.insert(0, Refuse())
model = tf.saved_model.load(sys.argv[1])
files = sorted(pathlib.Path(sys.argv[2]).glob("val/*/*.jpg"))
data = tf.constant([file.read_bytes() for file in files])
by_bytes = model.signatures["serve_bytes"](image_bytes=data)
one_by_one = [
    model.signatures["serving_default"](
        images=tf.io.decode_jpeg(d, 3, dct_method="INTEGER_ACCURATE")[None]
    )["probabilities"][0].numpy().tolist()
    for d in data
]
print(json.dumps({
    "by_bytes": by_bytes["probabilities"].numpy().tolist(),
    "by_pixels": one_by_one,
    "indices": by_bytes["top_k_indices"].numpy().tolist(),
    "classes": [[c.decode() for c in row]
                for row in by_bytes["top_k_classes"].numpy()],
}))
"""


def test_saved_model_serves_what_evaluate_measured(
    recipe, result, image_folder
):
    """In a process that never imports keras or kerastricks."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SERVE,
            result.run_dir / "saved_model",
            image_folder,
        ],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    served = json.loads(done.stdout.splitlines()[-1])

    from kerastricks import build, outcome, trained
    from kerastricks.evaluation import softmax

    folder = RunDir(result.run_dir)
    recipe = folder.recipe()
    judged = outcome.judge(
        recipe, trained.load(recipe, folder), build.data(recipe)
    )
    expected = softmax(judged.logits)
    np.testing.assert_allclose(served["by_bytes"], expected, atol=1e-5)
    np.testing.assert_allclose(served["by_pixels"], expected, atol=1e-5)
    np.testing.assert_array_equal(
        served["indices"], np.argsort(-expected, axis=1, kind="stable")
    )
    names = np.array(["blue", "green", "red"])
    assert served["classes"] == names[served["indices"]].tolist()


def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(recipe, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow as Keras's backend")
    wild = recipe.replace(
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


def test_truncated_picture_is_named(recipe, image_folder, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow as Keras's backend")
    copy = tmp_path / "data"
    shutil.copytree(image_folder, copy)
    victim = copy / "train" / "red" / "03.jpg"
    victim.write_bytes(victim.read_bytes()[:200])
    changed = recipe.replace(data=f"folder:{copy}", run_dir=str(tmp_path / "r"))
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
    assert kerastricks.run(skipping).skipped_images == 1


def test_evaluate_names_a_truncated_picture(result, image_folder, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(image_folder, copy)
    victim = copy / "val" / "green" / "02.jpg"
    victim.write_bytes(victim.read_bytes()[:200])
    with pytest.raises(InputError, match="green/02.jpg"):
        evaluate.main([f"--run_dir={result.run_dir}", f"--data=folder:{copy}"])


def test_evaluate_takes_data_without_splits_as_a_whole(
    result, image_folder, capsys
):
    tree = f"--data=folder:{image_folder / 'train'}"
    evaluate.main([f"--run_dir={result.run_dir}", tree])
    assert "on 48 validation images" in capsys.readouterr().out


@pytest.fixture
def begun(recipe, result, image_folder, tmp_path):
    """A run that stopped before its result, on a copy of the data."""
    shutil.copytree(image_folder, tmp_path / "data")
    shutil.copytree(result.run_dir, tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    theirs = RunDir(result.run_dir).recipe()
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


def test_data_may_move_and_training_is_not_done_twice(begun, result):
    again = kerastricks.run(begun.replace(export=False))
    assert again.top1 == result.top1
    assert again.seconds == result.seconds


def test_a_second_process_is_kept_out(begun, tmp_path):
    with RunDir(tmp_path / "run").locked():
        with pytest.raises(InputError, match="another process is at work"):
            kerastricks.run(begun)


def test_export_replaces_nothing_but_a_saved_model(result, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    argv = [f"--run_dir={result.run_dir}", f"--output={precious}"]
    with pytest.raises(InputError, match="new or empty folder"):
        export.main(argv)
    assert (precious / "thesis.txt").read_text() == "years of work"
    (precious / "thesis.txt").unlink()
    for _ in range(2):
        export.main(argv)
        assert (precious / "saved_model.pb").is_file()


def test_half_precision_trains(recipe, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("needs TensorFlow as Keras's backend")
    for precision in ("float16", "bfloat16"):
        half = recipe.replace(
            precision=precision,
            epochs=2,
            mix_off_epochs=0,
            export=False,
            run_dir=str(tmp_path / precision),
        )
        assert 0 < kerastricks.run(half).loss < 5


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--data=folder:/nowhere", "data folder must exist"),
        ("--data=zip:x", "data must be"),
        ("--batch_size=1000", "batch_size must not exceed"),
        ("--model=resnet19", "model must be one of"),
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
