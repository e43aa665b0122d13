"""The harness of benchmarks/input.py, on eight tiny images."""

import importlib
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def turns(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("turns")


@pytest.fixture
def harness(turns):
    return importlib.import_module("input")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> pathlib.Path:
    """Eight JPEGs in folders, and two files that are none."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("photos")
    random = np.random.RandomState(0)
    for i in range(8):
        folder = root / f"{i % 2}"
        folder.mkdir(exist_ok=True)
        image = random.randint(0, 256, (40 + i, 50, 3), np.uint8)
        data = tf.io.encode_jpeg(image).numpy()
        (folder / f"{i}.JPEG").write_bytes(data)
    (root / "really.jpg").write_bytes(b"\x89PNG")
    (root / "notes.txt").write_text("no image")
    return root


def test_finds_the_jpegs_and_nothing_else(turns, photos):
    found = turns.Settings(str(photos), 224, 64, 2).files()
    assert [pathlib.Path(path).name for path in found] == [
        f"{i}.JPEG" for i in (0, 2, 4, 6, 1, 3, 5, 7)
    ]


def test_ratio_is_the_median_of_the_rounds(harness):
    # 2, 4 and 3 by round; the ratio of medians would be 10 / 4 = 2.5.
    rates = {"ours": [10, 16, 9], "timm": [5, 4, 3]}
    assert harness.ratios(rates) == {"timm": 3}
    lines = harness.table(rates, {"ours": [1, 2, 3], "timm": [7, 6, 5]})
    assert lines.splitlines()[2:] == [
        "| ours | 10 | 9..16 |  | 2.00 |",
        "| timm | 4 | 3..5 | 3.00x | 6.00 |",
    ]


def test_without_ours_there_is_no_ratio(harness):
    assert harness.ratios({"timm": [5.0]}) == {}


def test_speed_leaves_out_what_settles(turns, monkeypatch):
    """A clock on which a batch of 8 takes 1 s, after two free ones."""
    now = iter(range(100))
    monkeypatch.setattr(turns.time, "perf_counter", lambda: next(now))
    cpu = iter([1.0, 3.0])
    monkeypatch.setattr(turns, "cpu_seconds", lambda: next(cpu))
    batches = iter([1000, 1000, 8, 8, 8, 8])
    # Clock: 0 starts, 1 and 2 settle, 3 ends that, 4 begins, 5..8 count.
    found = turns.speed(batches, settle=3, seconds=4)
    assert found == {"rate": 8.0, "cpu_ms": 1e3 * 2.0 / 32}


def test_cpu_time_is_counted(turns):
    before = turns.cpu_seconds()
    sum(i * i for i in range(3_000_000))
    assert 0.02 < turns.cpu_seconds() - before < 60


def test_the_command_names_no_place(harness):
    shown = harness.command(["--images=/home/me", "--rounds=3"])
    assert shown == "python benchmarks/input.py --images=… --rounds=3"
    shown = harness.command(["--images", "/home/me", "--rounds", "3"])
    assert shown == "python benchmarks/input.py --images … --rounds 3"


@pytest.fixture
def bare_python(tmp_path) -> pathlib.Path:
    """A Python without any packages, so without torch."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    path.chmod(0o755)
    return path


def run(*options: str) -> subprocess.CompletedProcess:
    """The harness on a command line, quick."""
    return subprocess.run(
        [
            sys.executable,
            str(FOLDER / "input.py"),
            "--rounds=2",
            "--seconds=0.1",
            "--settle=0",
            "--warm_up=0",
            "--image_size=32",
            "--batch_size=4",
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},
    )


@pytest.mark.slow
def test_ours_and_tf_image_in_turns(photos, bare_python, tmp_path):
    output = tmp_path / "result.json"
    done = run(
        f"--images={photos}",
        f"--torch_python={bare_python}",
        f"--output={output}",
        "--tasks=crop",
        "--only=torchvision,tf.image",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "torchvision: SKIPPED, ModuleNotFoundError" in done.stdout
    result = json.loads(output.read_text())
    assert str(photos) not in output.read_text()
    assert result["images"] == 8
    crop = result["crop"]
    assert "torchvision" in crop["skipped"]
    rates = crop["images_per_second"]
    assert [len(of_rounds) for of_rounds in rates.values()] == [2, 2]
    assert min(map(min, rates.values())) > 0
    ours, theirs = rates["ours"], rates["tf.image"]
    expected = np.mean([ours[0] / theirs[0], ours[1] / theirs[1]])
    assert crop["ratios"]["tf.image"] == pytest.approx(expected)
    assert "| ours |" in done.stdout


def test_a_missing_python_is_a_skipped_peer(turns, photos, tmp_path):
    settings = turns.Settings(str(photos), 32, 4, 1)
    nobody = turns.Contestant("timm", [str(tmp_path / "nobody")], settings)
    assert "No such file" in nobody.ready()
    nobody.stop()


def test_a_folder_without_images_is_refused(tmp_path):
    done = run(f"--images={tmp_path}")
    assert done.returncode == 2
    assert "the folder must hold JPEGs" in done.stdout
