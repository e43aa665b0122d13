"""python -m kerastricks.inspect: planted faults come to light."""

import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerastricks import inspect
from kerastricks.errors import InputError


@pytest.fixture(autouse=True)
def any_device(monkeypatch):
    """The command hides GPUs, which must happen before TensorFlow's start."""
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *_: None)


def scene(seed):
    """Random colours of several sizes."""
    random = np.random.RandomState(seed)
    total = np.zeros((80, 100, 3))
    for cells in (3, 6, 12, 24):
        noise = random.normal(size=(1, cells, cells, 3)) * 90 / cells**0.7
        total += tf.image.resize(noise, (80, 100), "bicubic")[0].numpy()
    return (total + 120).clip(0, 255).astype(np.uint8)


def write(path, image, quality=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_jpeg(image, quality=quality).numpy())


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """24 + 8 images, of which some are not as they should be."""
    root = tmp_path_factory.mktemp("planted")
    for i in range(24):
        write(root / f"train/{'ab'[i % 2]}/{i:02d}.jpg", scene(i))
    for i in range(8):
        write(root / f"val/{'ab'[i % 2]}/{i:02d}.jpg", scene(100 + i))
    train, val = root / "train", root / "val"
    shutil.copy(train / "a/00.jpg", val / "a/copied.jpg")
    write(val / "b/encoded.jpg", scene(1), quality=40)
    write(val / "b/mirrored.jpg", scene(3)[:, ::-1])
    shutil.copy(train / "a/02.jpg", train / "b/labelled otherwise.jpg")
    (train / "a/empty.jpg").write_bytes(b"")
    data = (train / "a/04.jpg").read_bytes()
    (train / "b/cut.jpg").write_bytes(data[: len(data) // 2])
    (val / "a/page.jpg").write_bytes(b"<!DOCTYPE html>")
    return root


@pytest.fixture(scope="module")
def inspected(planted, tmp_path_factory):
    """(page, numbers, what was printed) of a run from the command line."""
    page = tmp_path_factory.mktemp("inspected") / "data.html"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "kerastricks.inspect"),
            *(f"--data=folder:{planted}", f"--output={page}"),
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    numbers = json.loads(page.with_suffix(".json").read_text())
    return page.read_text(), numbers, done.stdout


def names(pairs):
    return sorted(
        tuple(
            pair[which]["name"].rsplit("/", 1)[-1]
            for which in ("first", "second")
        )
        for pair in pairs
    )


def test_numbers(inspected):
    _, found, _ = inspected
    twins = found["duplicates"]
    assert twins["leaked"] == {"images": 3, "exact": 1}
    assert names(twins["across"]) == [
        ("00.jpg", "copied.jpg"),
        ("01.jpg", "encoded.jpg"),
        ("03.jpg", "mirrored.jpg"),
    ]
    assert names(twins["in_conflict"]) == [("02.jpg", "labelled otherwise.jpg")]
    assert twins["too_many"] == {"train": 1, "val": 0}
    faults = {
        one["name"].rsplit("/", 1)[-1]: one["reason"]
        for split in found["splits"].values()
        for one in split["unreadable"]
    }
    assert faults == {
        "empty.jpg": "empty",
        "cut.jpg": "damaged",
        "page.jpg": "no image",
    }
    assert found["splits"]["train"]["class_counts"] == [13, 14]


def test_terminal(inspected):
    _, _, said = inspected
    text = " ".join(said.split())
    assert "train looked at 27 of 27 images, 2 classes" in text
    assert (
        "- LEAKAGE: 3 images of validation are in training too (1 exactly, 2 "
        "nearly) remove them from one of the two: accuracy is too good by up "
        "to 25 points"
    ) in text
    assert "- 3 images cannot be used: " in text
    assert all(len(line) < 80 for line in said.splitlines() if "/" not in line)


def test_page(inspected):
    page, found, _ = inspected
    assert page.count("LEAKAGE: 3 images") == 1
    for one in ("copied.jpg", "encoded.jpg", "mirrored.jpg", "empty.jpg"):
        assert one in page
    assert "alike, mirrored" in page
    assert "http://" not in page and "https://" not in page
    assert len(page) < 5e6


def test_sample(planted, tmp_path, capsys):
    page = tmp_path / "a.html"
    inspect.main([f"--data=folder:{planted}", f"--output={page}", "--sample=5"])
    said = " ".join(capsys.readouterr().out.split())
    assert "train looked at 5 of 27 images" in said
    assert "not looked at: 22 of train, 7 of val --sample=0 looks at" in said


@pytest.mark.slow
def test_table_of_several_labels(planted, tmp_path, capsys):
    rows = ["path,labels,split"]
    for i in range(8):
        rows.append(f"{planted}/train/{'ab'[i % 2]}/{i:02d}.jpg,x;y,train")
        rows.append(f"{planted}/val/{'ab'[i % 2]}/{i:02d}.jpg,y;,val")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    page = tmp_path / "a.html"
    inspect.main([f"--data=csv:{tmp_path / 'table.csv'}", f"--output={page}"])
    found = json.loads(page.with_suffix(".json").read_text())
    assert found["multi_label"]
    assert found["splits"]["val"]["class_counts"] == [0, 8]
    assert found["splits"]["train"]["class_counts"] == [8, 8]
    assert "Every class has 8 training images." in page.read_text()


def test_unlike_classes_are_told_with_the_rest(planted, tmp_path, capsys):
    shutil.copytree(planted, tmp_path / "data")
    write(tmp_path / "data/val/c/1.jpg", scene(200))
    (tmp_path / "data/train/d").mkdir()
    page = tmp_path / "page.html"
    inspect.main([f"--data=folder:{tmp_path / 'data'}", f"--output={page}"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "no images of d" in printed
    assert "no images in train of c" in printed
    assert "LEAKAGE" in printed


def test_pixels(tmp_path):
    images = np.stack([scene(i) for i in range(12)])
    images[11] = images[0]
    np.savez(tmp_path / "a.npz", x_train=images, y_train=np.arange(12) % 2)
    page = tmp_path / "a.html"
    inspect.main(
        [f"--data=arrays:{tmp_path / 'a.npz'}", f"--output={page}"]
        + ["--val_fraction=0.2"]
    )
    found = json.loads(page.with_suffix(".json").read_text())
    split = found["splits"]["train"]
    assert split["formats"] == {"pixels": split["looked_at"]}
    assert names(found["duplicates"]["in_conflict"]) == [
        ("x_train[0]", "x_train[11]")
    ]


@pytest.mark.slow
def test_wrong_labels_of_a_run(finished, image_folder, tmp_path, capsys):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the run is TensorFlow's")
    root = tmp_path / "wrong"
    shutil.copytree(image_folder, root)
    wrong = [str(root / f"val/red/wrong {i}.jpg") for i in range(3)]
    for i, name in enumerate(wrong):
        (root / f"val/blue/{i:02d}.jpg").rename(name)
    page = tmp_path / "a.html"
    inspect.main(
        [
            f"--run_dir={finished.run_dir}",
            f"--data=folder:{root}",
            f"--output={page}",
        ]
    )
    found = json.loads(page.with_suffix(".json").read_text())
    doubted = found["suspects"]["val"]
    # Whatever is at least as blue as the images labelled so are on average.
    assert {one["name"] for one in doubted["images"]} <= set(wrong)
    assert doubted["count"] == len(doubted["images"]) >= 1
    first = doubted["images"][0]
    assert (first["classes"], first["likely"]) == (["red"], "blue")
    assert first["score"] > 0.5
    assert "may be labelled wrong" in capsys.readouterr().out
    assert "blue? (" in page.read_text()


@pytest.mark.parametrize(
    "argv, rule",
    [
        (["--data=shapes", "cat.jpg"], "takes flags only. Received: cat.jpg"),
        (["--data=shapes", "--sample=-1"], "sample must be at least 0"),
        (["--data=shapes", "--output=a.png"], "output must be a page"),
        ([], "inspect needs --data=, or --run_dir="),
        (["--run_dir=/nowhere"], "run_dir must be the folder of a run"),
        (["--data=folder:/nowhere"], "the data folder must exist"),
    ],
)
def test_refusals(argv, rule):
    with pytest.raises(InputError, match=rule):
        inspect.main(argv)
