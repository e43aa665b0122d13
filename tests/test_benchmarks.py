"""The harnesses of benchmarks/, on tiny images."""

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


# What the batch tricks cost


@pytest.fixture
def race(turns):
    return importlib.import_module("augment_race")


@pytest.fixture
def in_process(turns):
    return importlib.import_module("in_process")


def test_the_stage_in_milliseconds_and_ratios(race):
    # Ours over Keras's: 4, 10 and 8 by round.
    rates = {"ours": [400, 500, 800], "keras": [100, 50, 100]}
    cpu_ms = {"ours": [4, 5, 3], "keras": [20, 30, 10]}
    assert race.race_table(rates, cpu_ms).splitlines()[2:] == [
        "| ours | 2.000 | 500 | 400..800 |  | 4.000 |",
        "| keras | 10.000 | 100 | 50..100 | 8.00x | 20.000 |",
    ]


def test_a_peer_counts_by_its_faster_way(race):
    ratios = {"keras": 10.0, "keras-xla": 3.0, "keras_cv": 9.0, "timm": 2.0}
    assert race.faster(ratios) == {"keras": 3.0}
    assert race.faster(ratios | {"keras_cv-xla": 11.0}) == {
        "keras": 3.0,
        "keras_cv": 9.0,
    }


def test_ratios_in_a_process_are_of_the_same_round(in_process):
    # 1.1, 1.5 and 1 by round; the ratio of medians would be 3 / 3 = 1.
    times = {"nothing on": [4.0, 2.0, 3.0], "everything on": [4.4, 3.0, 3.0]}
    assert in_process.relative(times)["everything on"] == pytest.approx(
        [1.1, 1.5, 1.0]
    )
    found = in_process.numbers(times)
    assert found["seconds_per_batch"] == times
    assert found["ratios"] == pytest.approx(
        {"nothing on": 1.0, "everything on": 1.1}
    )
    assert in_process.turns_table(times, batch=10).splitlines() == [
        "| | ms/img | lowest..highest | img/s | to nothing on "
        "| lowest..highest |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| nothing on | 300.000 | 200.000..400.000 | 3.3 | 1.000x "
        "| 1.000..1.000 |",
        "| everything on | 300.000 | 300.000..440.000 | 3.3 | 1.100x "
        "| 1.000..1.500 |",
    ]


def test_turns_in_a_process(in_process, monkeypatch):
    """Works of 0.5 and 1 s, on a clock that only they move."""
    clock, calls = [0.0], []

    def work_of(name, seconds):
        def work(times):
            calls.append((name, times))
            clock[0] += times * seconds

        return work

    monkeypatch.setattr(in_process.time, "perf_counter", lambda: clock[0])
    works = {"a": work_of("a", 0.5), "b": work_of("b", 1.0)}
    times = in_process.take_turns(works, rounds=2, seconds=2)
    assert times == {"a": [0.5, 0.5], "b": [1.0, 1.0]}
    # Compiled, timed and warmed up; then who begins changes.
    assert calls[:6] == [("a", 2), ("a", 1), ("a", 4)] + [
        ("b", 2),
        ("b", 1),
        ("b", 2),
    ]
    assert calls[6:] == [("a", 4), ("b", 2), ("b", 2), ("a", 4)]


def test_the_command_names_the_backend(turns, monkeypatch):
    augment = importlib.import_module("augment")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert augment.command(["--tasks=step", "--output=/home/me"]) == (
        "KERAS_BACKEND=jax python benchmarks/augment.py --tasks=step --output=…"
    )


@pytest.mark.parametrize("option", ["--tasks=stag", "--only=kera"])
def test_a_name_that_is_none_is_refused(turns, option, capsys):
    with pytest.raises(SystemExit):
        importlib.import_module("augment").arguments([option])
    assert f"Received: {option.partition('=')[2]}" in capsys.readouterr().err


def run_augment(
    tmp_path, backend: str, *options: str, hidden: str = ""
) -> tuple[str, dict]:
    """(what it printed, its JSON), quick."""
    output = tmp_path / "result.json"
    paths = [hidden, str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [
            sys.executable,
            str(FOLDER / "augment.py"),
            "--rounds=2",
            "--seconds=0.1",
            "--settle=0",
            "--warm_up=0",
            "--image_size=32",
            "--batch_size=4",
            "--model=resnet18_d",
            "--precision=float32",
            f"--output={output}",
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ
        | {
            "KERAS_BACKEND": backend,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(output.read_text())


@pytest.mark.slow
def test_the_stage_beside_keras_trick_by_trick(bare_python, tmp_path):
    printed, result = run_augment(
        tmp_path,
        "tensorflow",
        "--tasks=stage",
        "--only=keras,keras-xla,timm",
        f"--torch_python={bare_python}",
    )
    stage = result["stage"]
    rates = stage["images_per_second"]
    assert list(rates) == ["ours", "keras", "keras-xla"]
    assert "ModuleNotFoundError" in stage["skipped"]["timm"]
    ratios = np.divide(rates["ours"], rates["keras"])
    assert stage["ratios"]["keras"] == pytest.approx(ratios.mean())
    assert list(stage["tricks"]["ratios"]) == [
        "Normalize",
        "RandomFlip",
        "ColorJitter",
        "RandomGrayscale",
        "PcaNoise",
        "RandomErasing",
        "MixUp",
        "CutMix",
        "everything",
    ]
    for name in (*rates, *stage["tricks"]["ratios"]):
        assert f"\n| {name} | " in printed
    assert result["backend"] == "tensorflow"
    assert result["device"] == "cpu"
    assert str(tmp_path) not in json.dumps(result)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_step_with_everything_and_with_nothing(tmp_path, backend):
    """On JAX where TensorFlow cannot be imported."""
    pytest.importorskip(backend)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    if backend == "jax":
        missing = 'raise ImportError("no tensorflow here")'
        (hidden / "tensorflow.py").write_text(missing)
    printed, result = run_augment(
        tmp_path, backend, "--tasks=step", hidden=str(hidden)
    )
    step = result["step"]
    times = step["seconds_per_batch"]
    assert [len(each) for each in times.values()] == [2, 2]
    ratios = np.divide(times["everything on"], times["nothing on"])
    assert step["ratios"]["everything on"] == pytest.approx(ratios.mean())
    assert step["jit_compile"] == (backend == "jax")
    assert backend in result["versions"]
    assert "| nothing on | " in printed and "| everything on | " in printed


@pytest.mark.slow
def test_training_steps_in_turns(bare_python, tmp_path):
    output = tmp_path / "result.json"
    done = subprocess.run(
        [
            sys.executable,
            str(FOLDER / "step.py"),
            "--models=resnet20",
            "--precisions=float32",
            "--only=stock,torch",
            f"--torch_python={bare_python}",
            "--batch_size=4",
            *("--rounds=2", "--seconds=0.1", "--settle=0", "--warm_up=0"),
            "--peak_tflops=1",
            f"--output={output}",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    race = json.loads(output.read_text())["resnet20 float32"]
    rates = race["images_per_second"]
    assert list(rates) == ["ours", "stock"]
    assert "ModuleNotFoundError" in race["skipped"]["torch"]
    ratios = np.divide(rates["ours"], rates["stock"])
    assert race["ratios"]["stock"] == pytest.approx(np.median(ratios))
    # Three passes of two operations for each of 41 M multiply-adds.
    share = np.median(rates["ours"]) * 6 * 0.0406e9 / 1e12
    assert race["mfu"]["ours"] == pytest.approx(share)
    assert "| stock | " in done.stdout


@pytest.mark.parametrize(
    "option", ["--models=vgg", "--precisions=float16", "--only=jax"]
)
def test_what_step_does_not_know(option, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    with pytest.raises(SystemExit):
        importlib.import_module("step").arguments([option])
