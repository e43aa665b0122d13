"""A run on two devices is the run on one: the command, from start to result.

In processes of their own: a backend that has begun to work makes no second
device of a CPU.
"""

import contextlib
import csv
import json
import os
import subprocess
import sys

import keras
import pytest

from kerastricks.training.distribute import across

pytestmark = pytest.mark.traced

SCRIPT = """
import json, os, sys

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)

import kerastricks

RECIPE = dict(
    data="shapes", sample_fraction=0.02, image_size=32, model="resnet10_d",
    width=0.25, epochs=1, batch_size=16, learning_rate=1e-3, warmup_epochs=0,
    # Of the last validation batch the second replica sees nothing.
    eval_batch_size=96, clean_images=33, ema=0.9, clip_grad=0.5,
    sync_bn=True, export=False, precision="float32", checkpoint_steps=3,
)


def run(name, devices, **more):
    path = os.path.join(sys.argv[1], name)
    recipe = kerastricks.Recipe(**RECIPE | more, devices=devices, run_dir=path)
    kerastricks.run(recipe)


for devices in (1, 2):
    run(f"plain{devices}", devices)
run("mixed2", 0, mixup=0.2, color_jitter=0.4, sync_bn=False, accumulate=2)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distribute")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)],
        capture_output=True,
        text=True,
        env=os.environ
        | {
            "KERAS_BACKEND": keras.backend.backend(),
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout


def numbers(folder):
    """The epoch in metrics.csv, without what a clock says."""
    with open(folder / "metrics.csv", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    return {
        name: float(value)
        for name, value in row.items()
        if value and name not in ("images_per_second", "seconds")
    }


@pytest.mark.slow
def test_two_devices_learn_what_one_does(runs):
    """Losses and accuracies of training, validation, average, clean images."""
    folder, printed = runs
    one, two = numbers(folder / "plain1"), numbers(folder / "plain2")
    assert {"clean_loss", "average_loss", "val_top5"} <= set(one)
    assert two == pytest.approx(one, rel=1e-4)
    results = [
        json.loads((folder / name / "result.json").read_text())
        for name in ("plain1", "plain2")
    ]
    assert results[1]["loss"] == pytest.approx(results[0]["loss"], rel=1e-4)
    assert "seed 0, 2 devices, each 8 images of a batch" in printed


@pytest.mark.slow
def test_all_devices_and_tricks_that_mix(runs):
    folder, _ = runs
    about = json.loads((folder / "mixed2/effective.json").read_text())
    assert about["run"]["devices"] == 2
    found = numbers(folder / "mixed2")
    assert 1 < found["loss"] < 5 and 1 < found["val_loss"] < 5


def test_one_device_needs_no_context():
    assert isinstance(across(1), contextlib.nullcontext)
