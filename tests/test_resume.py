"""A run that is killed and started again ends as one that never was."""

import csv
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

pytestmark = [pytest.mark.traced, pytest.mark.slow]

STEPS_PER_EPOCH = 6  # 48 images, batches of 8
TIMINGS = ("images_per_second", "seconds")


@pytest.fixture(scope="module")
def command(image_folder, tmp_path_factory):
    """The training command; XLA's compilations are shared by its runs."""
    compiled = tmp_path_factory.mktemp("compiled")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(compiled)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    return [
        *(sys.executable, "-m", "kerastricks.train"),
        f"--data=folder:{image_folder}",
        f"--backend={keras.backend.backend()}",
        *("--model=resnet10_d", "--width=0.125", "--image_size=16"),
        *("--batch_size=8", "--epochs=4", "--mixup=0.2"),
        *("--mix_off_epochs=1", "--checkpoint_steps=1", "--noexport"),
        *("--cutmix=1", "--flip_mode=alternate", "--color_jitter=0.4"),
        *("--pca_noise=0.1", "--erasing=0.5", "--clean_images=16"),
        *("--drop_path=0.3", "--dropout=0.2"),
        *("--opt=adamw", "--ema=0.9", "--recalibrate_bn=2", "--lookahead=3"),
        *("--accumulate=2", "--clip_grad=1", "--sam=0.05", "--sam_every=4"),
        *("--teacher=ema", "--schedule=one_cycle"),
    ]


def train(command, run_dir):
    """Runs to the end; what was printed."""
    done = subprocess.run(
        [*command, f"--run_dir={run_dir}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def interrupt(command, run_dir, number, after):
    """Sends a signal as soon as a checkpoint is there, later than a step.

    The checkpoint is from within an epoch. What was printed on stderr.
    """
    process = subprocess.Popen(
        [*command, f"--run_dir={run_dir}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    folder = pathlib.Path(run_dir, "checkpoints")
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        steps = [int(path.name[5:]) for path in folder.glob("step-*")]
        if any(s > after and s % STEPS_PER_EPOCH for s in steps):
            break
        time.sleep(0.002)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert not pathlib.Path(run_dir, "result.json").exists()
    return process.returncode, errors


def final_variables(run_dir):
    last = sorted(pathlib.Path(run_dir, "checkpoints").glob("step-*"))[-1]
    assert last.name == f"step-{4 * STEPS_PER_EPOCH:08d}"
    with np.load(last / "variables.npz") as file:
        return {name: file[name] for name in file.files}


def metrics(run_dir):
    """metrics.csv without the columns that are times."""
    rows = csv.DictReader(
        pathlib.Path(run_dir, "metrics.csv").read_text().splitlines()
    )
    return [
        {name: row[name] for name in row if name not in TIMINGS} for row in rows
    ]


def test_killed_and_resumed_equals_uninterrupted(command, tmp_path):
    train(command, tmp_path / "whole")

    code, _ = interrupt(command, tmp_path / "cut", signal.SIGKILL, after=6)
    assert code == -signal.SIGKILL
    code, errors = interrupt(command, tmp_path / "cut", signal.SIGINT, after=12)
    assert code == 130
    assert "the same command goes on from there" in errors
    assert "Traceback" not in errors
    printed = train([*command, "--export"], tmp_path / "cut")
    assert (tmp_path / "cut" / "saved_model" / "saved_model.pb").is_file()
    assert "resuming at step" in printed

    expected = final_variables(tmp_path / "whole")
    resumed = final_variables(tmp_path / "cut")
    assert list(expected) == list(resumed)
    for name, values in expected.items():
        np.testing.assert_array_equal(resumed[name], values, err_msg=name)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")

    again = train(command, tmp_path / "cut")
    assert again.startswith("already finished")
