"""python -m kerastricks.find_lr: a learning rate, or a picture of one."""

import re

import keras
import numpy as np
import pytest
from PIL import Image

from kerastricks import Recipe, build, find_lr
from kerastricks.errors import InputError
from kerastricks.training.lr_finder import LrCurve, curve_of


@pytest.fixture
def argv(image_folder, tmp_path):
    return [
        f"--data=folder:{image_folder}",
        f"--output={tmp_path / 'lr.png'}",
        f"--backend={keras.backend.backend()}",
        "--precision=float32",
        "--model=resnet10_d",
        "--width=0.125",
        "--image_size=32",
        "--batch_size=16",  # 3 in an epoch: the sweep goes over several
        "--mixup=0.2",
        "--normalize=120,110,100/60,61,62",
    ]


@pytest.mark.slow
def test_search(argv, tmp_path, capsys, monkeypatch):
    kept = []
    chart = find_lr.finder_chart
    monkeypatch.setattr(
        find_lr,
        "finder_chart",
        lambda recipe, curve: kept.append(curve) or chart(recipe, curve),
    )
    find_lr.main([*argv, "--steps=24", "--seeds=2", "--start_lr=1e-3"])
    (curve,) = kept
    # In the flag's unit: 256 / 16 times the rates that the steps had.
    np.testing.assert_allclose(curve.rates, np.geomspace(1e-3, 10, 24))
    assert curve.losses.shape == (2, 24)
    assert curve.losses[0, 0] != curve.losses[1, 0]
    text = capsys.readouterr().out
    assert "resnet10_d on" in text and "2 runs of 24 steps" in text
    for name in ("valley", "steep", "minimum/10"):
        found = re.search(
            rf"^{name} +--learning_rate=(\S+)  \((\S+) at a step\)$",
            text,
            re.MULTILINE,
        )
        rate, of_step = map(float, found.groups())
        assert rate == pytest.approx(curve.suggestions[name], rel=0.06)
        assert of_step == pytest.approx(rate / 16, rel=0.01)
    assert f"chart       {tmp_path / 'lr.png'}" in text
    with Image.open(tmp_path / "lr.png") as image:
        assert image.size == (1280, 640)


@pytest.mark.slow
def test_first_loss_is_that_of_the_recipes_first_step(argv):
    values, _ = find_lr.flags.parse(argv, "", find_lr.FLAGS)
    options = {flag.name: values.pop(flag.name) for flag in find_lr.OWN}
    recipe = Recipe(**values)
    splits = build.data(recipe)
    options |= {"steps": 21, "seeds": 1, "end_lr": 1e-3}
    curve = find_lr.search(recipe, splits, options)
    learner = build.learner(recipe, splits)
    phase = build.phases(recipe, splits)[0]
    batches = build.train_batches(recipe, splits.train, phase, 0)
    inputs, labels = next(iter(batches))
    logs = learner.train_on_batch(inputs, labels, return_dict=True)
    assert curve.losses[0, 0] == pytest.approx(float(logs["loss"]), rel=1e-5)


def test_schedule(argv, tmp_path, capsys):
    find_lr.main([*argv, "--plot_schedule", "--learning_rate=1.6"])
    text = capsys.readouterr().out
    assert text.startswith("learning rate of a run\nlearning rate\n    0.1 ┤")
    assert "epoch" in text
    with Image.open(tmp_path / "lr.png") as image:
        assert image.size[0] == 1280


def test_advice():
    rates = np.geomspace(1e-4, 1.0, 40)
    falling = curve_of(rates, [np.linspace(3, 1, 40)])
    lines = find_lr.advice(Recipe(batch_size=512), falling)
    assert lines[-1].startswith("warning") and "--end_lr above 1" in lines[-1]
    # The lowest, of 40 points on 0..4, is the one next to pi: number 31.
    bowl = np.cos(np.linspace(0, 4, 40))[None]
    curve = LrCurve(rates, falling.losses, bowl)
    tenth = rates[31] / 10
    assert find_lr.advice(Recipe(batch_size=512), curve)[2] == (
        f"minimum/10  --learning_rate={tenth:.2g}  "
        f"({2 * float(f'{tenth:.2g}'):.3g} at a step)"
    )
    low = find_lr.advice(Recipe(batch_size=512), curve)[3]
    assert low.startswith(f"lowest loss at {rates[31]:.2g};")
    flat = curve_of(rates, [np.full(40, 3.0)])
    (said,) = find_lr.advice(Recipe(), flat)
    assert said.startswith("no suggestion: the loss hardly falls")
    plain = find_lr.advice(Recipe(lr_scaling="none"), curve)
    assert plain[2] == f"minimum/10  --learning_rate={tenth:.2g}"


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--start_lr=0", "start_lr must be above 0 .*start_lr=0.0, end_lr=10"),
        (
            "--end_lr=1e-8",
            "below end_lr. Received: start_lr=1e-07, end_lr=1e-08",
        ),
        ("--steps=20", "steps must be at least 21. Received: steps=20"),
        ("--seeds=0", "seeds must be at least 1. Received: seeds=0"),
        ("cat.jpg", "find_lr takes flags only. Received: cat.jpg"),
    ],
)
def test_bad_flags(argv, flag, message):
    with pytest.raises(InputError, match=message):
        find_lr.main([*argv, flag])
