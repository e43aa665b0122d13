"""python -m kerastricks.evaluate: what it prints, and what it writes."""

import contextlib
import csv
import io
import json
import shutil

import numpy as np
import pytest

import kerastricks
from kerastricks import evaluate
from kerastricks.errors import InputError

NUMBERS = (
    *("top1", "top5", "loss", "ece", "top1_low", "top1_high"),
    *("temperature", "loss_calibrated", "ece_calibrated"),
)


@pytest.fixture(scope="module")
def evaluated(finished, tmp_path_factory):
    """The folder that the command writes."""
    folder = tmp_path_factory.mktemp("evaluated")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        evaluate.main([f"--run_dir={finished.run_dir}", f"--output={folder}"])
    (folder / "printed.txt").write_text(printed.getvalue())
    return folder


@pytest.fixture
def other(finished, tmp_path):
    """A run that says the opposite: its last layer's weights are negated."""
    import h5py

    copy = tmp_path / "other"
    shutil.copytree(finished.run_dir, copy)
    with h5py.File(copy / "best.weights.h5", "r+") as file:
        file["layers/dense/vars/0"][...] *= -1
    return copy


def read_json(folder):
    return json.loads((folder / "evaluation.json").read_text())


def read_csv(folder, name):
    with open(folder / name, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_it_gives_the_numbers_of_the_run(finished, evaluated):
    found = read_json(evaluated)
    assert found["images"] == 18 and set(found["numbers"]) == {
        *NUMBERS,
        "num_classes",
    }
    for name in NUMBERS:
        assert found["numbers"][name] == pytest.approx(
            finished.values[name], abs=1e-5
        )
    stored = json.loads((finished.run_dir / "calibration.json").read_text())
    assert stored == {"temperature": finished.temperature}


def test_it_prints_them_with_what_they_mean(finished, evaluated):
    lines = (evaluated / "printed.txt").read_text().splitlines()
    printed = [line.split() for line in lines]
    assert printed[0] == ["top-1", f"{100 * finished.top1:.2f}%"]
    low, high = 100 * finished.top1_low, 100 * finished.top1_high
    assert printed[1] == [
        *("95%", "interval"),
        f"{low:.1f}–{high:.1f}%",
    ]
    assert ["loss", f"{finished.loss:.4f}"] in printed
    assert lines[-1] == f"on 18 validation images; see {evaluated}"


def test_each_image_has_a_row(finished, evaluated, image_folder):
    rows = read_csv(evaluated, "predictions.csv")
    assert len(rows) == 18
    right = [row["label"] == row["predicted"] for row in rows]
    assert [row["right"] == "1" for row in rows] == right
    assert np.mean(right) == pytest.approx(finished.top1)
    losses = [float(row["loss"]) for row in rows]
    assert np.mean(losses) == pytest.approx(finished.loss, rel=1e-4)
    for row in rows:
        assert f"/val/{row['label']}/" in row["name"]
        if row["right"] == "1":
            chance = np.exp(-float(row["loss"]))
            assert float(row["probability"]) == pytest.approx(chance, rel=1e-4)


def test_each_class_has_a_row(evaluated):
    rows = read_csv(evaluated, "classes.csv")
    assert [row["class"] for row in rows] == ["blue", "green", "red"]
    said = read_csv(evaluated, "predictions.csv")
    for row in rows:
        mine = [one for one in said if one["label"] == row["class"]]
        hits = sum(one["right"] == "1" for one in mine)
        assert int(row["images"]) == len(mine) == 6
        assert float(row["recall"]) == pytest.approx(hits / 6)


def test_parts_by_size_add_up_to_all_images(finished, evaluated):
    parts = read_json(evaluated)["by_size"]
    # 20 to 24 pixels high, 24 wide
    assert len(parts) > 1 and sum(part["count"] for part in parts) == 18
    hits = sum(part["count"] * part["accuracy"] for part in parts)
    assert hits == pytest.approx(18 * finished.top1)


def test_the_report_has_its_sections(evaluated):
    html = (evaluated / "report.html").read_text(encoding="utf-8")
    for anchor in ("classes", "calibration", "sizes"):
        assert f'id="{anchor}"' in html
    assert "95% interval" in html and "at temperature" in html


@pytest.mark.slow
def test_another_run_is_compared(finished, other, tmp_path, capsys):
    evaluate.main(
        [
            f"--run_dir={other}",
            f"--compare={finished.run_dir}",
            f"--output={tmp_path / 'out'}",
            "--grad_cam=2",
        ]
    )
    found = read_json(tmp_path / "out")
    compared = found["comparison"]
    assert (compared["a"], compared["b"]) == ("other", "run")
    worse = found["numbers"]["top1"]
    assert worse < 0.4
    difference = compared["top1_difference"]["value"]
    assert difference == pytest.approx(finished.top1 - worse)
    cells = ("both_right", "only_a", "only_b", "both_wrong")
    assert sum(compared[name] for name in cells) == 18
    assert compared["only_b"] - compared["only_a"] == round(18 * difference)
    assert compared["verdict"].startswith("run is better by")
    assert compared["verdict"] in capsys.readouterr().out
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Only run is right" in html and 'id="heat"' in html


@pytest.mark.slow
def test_runs_are_averaged(finished, other, tmp_path, capsys):
    evaluate.main(
        [
            f"--run_dir={finished.run_dir},{other}",
            f"--output={tmp_path / 'out'}",
            "--grad_cam=0",
        ]
    )
    found = read_json(tmp_path / "out")
    rows = found["side_by_side"]
    assert list(rows) == ["run", "other", "together"]
    assert rows["run"]["top1"] == finished.top1
    assert rows["together"] == found["numbers"]
    # The mean of probabilities is at least as good as the mean of the losses.
    losses = [rows[name]["loss"] for name in ("run", "other")]
    assert min(losses) < rows["together"]["loss"] < np.mean(losses)
    assert "at x 2 the price" in capsys.readouterr().out


def test_views_are_averaged_and_their_price_is_told(finished, tmp_path, capsys):
    evaluate.main(
        [
            f"--run_dir={finished.run_dir}",
            "--tta=flip",
            f"--output={tmp_path}",
            "--grad_cam_images=green/02.jpg,red/00.jpg",
        ]
    )
    found = read_json(tmp_path)
    assert found["tta"] == "flip"
    rows = found["side_by_side"]
    assert list(rows) == ["plain", "flip"]
    assert rows["plain"]["loss"] == pytest.approx(finished.loss, rel=1e-5)
    assert rows["flip"] == found["numbers"]
    printed = capsys.readouterr().out
    gain = 100 * (rows["flip"]["top1"] - finished.top1)
    words = f"flip, the mean of probabilities: {gain:+.2f} points of top-1"
    assert words in printed
    assert "at x 2 the price" in printed
    # Heat is shown of the images that are named.
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    heat = html[html.index('<section id="heat"') :]
    heat = heat[: heat.index("</section>")]
    assert heat.count("<img") == 2
    assert heat.index("is green") < heat.index("is red")


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--data=shapes", "the classes of the run"),
        ("--grad_cam=-1", "grad_cam must not be negative"),
        ("--tta_by=max", "none without --tta. Received: tta_by=max"),
        ("--tta=sideways", "tta must be"),
        ("--compare=/nowhere", "run_dir must be the folder of a run"),
        ("--run_dir=", "needs --run_dir"),
    ],
)
def test_bad_input_is_refused(finished, cache, tmp_path, flag, message):
    run = f"--run_dir={finished.run_dir}"
    with pytest.raises(InputError, match=message):
        evaluate.main([run, f"--output={tmp_path / 'out'}", flag])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_average_of_the_weights_is_held_against_them(
    small_recipe, tmp_path, capsys
):
    run = tmp_path / "run"
    recipe = small_recipe.replace(
        run_dir=str(run), ema=0.5, epochs=2, mix_off_epochs=0, export=False
    )
    result = kerastricks.run(recipe)
    evaluate.main([f"--run_dir={run}", "--grad_cam=0"])
    rows = read_json(run / "evaluation")["raw_and_average"]
    with open(run / "metrics.csv", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    for kind, name in (("raw", "val"), ("average", "average")):
        for number in ("top1", "loss"):
            measured = float(last[f"{name}_{number}"])
            assert rows[kind][number] == pytest.approx(measured, rel=1e-4)
    assert rows["raw"]["loss"] != pytest.approx(rows["average"]["loss"])
    gap = 100 * (rows["average"]["top1"] - rows["raw"]["top1"])
    words = f"the average of the weights is {gap:+.2f} points of top-1"
    assert words in capsys.readouterr().out
    html = (run / "evaluation" / "report.html").read_text(encoding="utf-8")
    assert words in html
    # What is evaluated beside them is the best, as ever.
    assert read_json(run / "evaluation")["numbers"]["loss"] == pytest.approx(
        result.loss, rel=1e-4
    )


def test_a_truncated_picture_is_named(finished, image_folder, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(image_folder, copy)
    victim = copy / "val" / "green" / "02.jpg"
    victim.write_bytes(victim.read_bytes()[:200])
    with pytest.raises(InputError, match="green/02.jpg"):
        evaluate.main(
            [f"--run_dir={finished.run_dir}", f"--data=folder:{copy}"]
        )


def test_data_without_splits_is_taken_as_a_whole(
    finished, image_folder, tmp_path, capsys
):
    tree = f"--data=folder:{image_folder / 'train'}"
    evaluate.main(
        [f"--run_dir={finished.run_dir}", tree, f"--output={tmp_path}"]
    )
    said = capsys.readouterr().out
    assert "on 48 images" in said
    assert "trained on 48 of these 48 images" in said
    assert "trained on 48 of" in (tmp_path / "report.html").read_text()
    assert read_json(tmp_path)["numbers"]["temperature"] == finished.temperature


def test_other_images_of_the_same_names_are_no_doubt(
    finished, image_folder, tmp_path, capsys
):
    copy = tmp_path / "data"
    shutil.copytree(image_folder / "train", copy)
    data = [f"--data=folder:{copy}", f"--output={tmp_path / 'out'}"]
    evaluate.main([f"--run_dir={finished.run_dir}", *data])
    assert "trained on" not in capsys.readouterr().out


def test_data_that_has_changed_is_refused(finished, tmp_path):
    """Another split would judge it by images that it was trained on."""
    run = tmp_path / "run"
    shutil.copytree(finished.run_dir, run)
    file = run / "effective.json"
    about = json.loads(file.read_text())
    about["data"]["val_sha256"] = "another"
    file.write_text(json.dumps(about))
    message = "the data has changed since.*Received: 18 validation images"
    with pytest.raises(InputError, match=message):
        evaluate.main([f"--run_dir={run}"])
