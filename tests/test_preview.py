"""python -m kerastricks.preview: what the model will see."""

import io
import re

import keras
import numpy as np
import pytest
from PIL import Image

from kerastricks import build, look, preview
from kerastricks.errors import InputError

FLAGS = [
    "--image_size=24",
    "--batch_size=8",
    "--mixup=0.4",
    "--policy=randaugment-n2-m9",
    "--seconds=0.1",
]


@pytest.fixture
def argv(image_folder, tmp_path):
    backend = keras.backend.backend()
    return [
        f"--data=folder:{image_folder}",
        f"--output={tmp_path / 'sheet.png'}",
        f"--backend={backend}",
        *FLAGS,
    ]


@pytest.mark.slow
def test_sheet_and_speeds(argv, tmp_path, capsys):
    preview.main([*argv, "--images=3"])
    with Image.open(tmp_path / "sheet.png") as sheet:
        size = sheet.size
    # original, evaluation, crop, batch, flip, mixup; three rows.
    assert size == (12 + 6 * 180, 12 + 30 + 3 * 225)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"contact sheet  {tmp_path / 'sheet.png'}"
    for line, stage in zip(
        lines[1:4],
        ("reading", "decoding and cropping", "the policy"),
        strict=True,
    ):
        assert re.fullmatch(rf" *[\d,]+ img/s  with {stage}", line)
    assert re.fullmatch(r"the slowest stage is .+: \d+% of .+ time", lines[4])


def test_bad_flags(argv):
    with pytest.raises(InputError, match="images must be at least 1"):
        preview.main([*argv, "--images=0"])
    with pytest.raises(InputError, match="takes flags only. Received: cat.jpg"):
        preview.main([*argv, "cat.jpg"])


def stages_of(recipe):
    """(host stages, device stages, the batch) of the first step."""
    splits = build.data(recipe)
    phase = build.phases(recipe, splits)[0]
    inputs, labels = next(
        iter(build.train_batches(recipe, splits.train, phase, 0))
    )
    host = look.host_stages(recipe, splits, phase, inputs["key"])
    device = look.device_stages(
        phase.augment, inputs, look.soft(labels, splits), "crop"
    )
    return host, device, inputs, labels, splits


def test_stages_are_those_of_the_training_step(small_recipe):
    """Crop of the sheet = image of the batch; mixup's labels = the step's."""
    recipe = small_recipe.replace(policy="", mixup=0.4, flip=0.5)
    host, device, inputs, labels, splits = stages_of(recipe)
    np.testing.assert_array_equal(device[0].images, inputs["image"])
    assert [stage.title for stage in host] == ["original", "evaluation"]
    truth = np.argmax(host[0].labels, axis=1)
    np.testing.assert_array_equal(truth, labels)
    # The strongest channel of the original tells its class.
    for image, label in zip(host[0].images, labels.numpy(), strict=True):
        assert image.mean(axis=(0, 1)).argmax() == 2 - label
    phase = build.phases(recipe, splits)[0]
    mixed, soft = phase.augment(
        keras.ops.convert_to_tensor(inputs["image"].numpy()),
        keras.ops.convert_to_tensor(look.soft(labels, splits)),
        keras.ops.convert_to_tensor(inputs["key"].numpy()),
    )
    np.testing.assert_allclose(device[-1].labels, soft, atol=1e-6)
    mean, std = (np.array(part) for part in ((120, 110, 100), (60, 61, 62)))
    pixels = np.clip(keras.ops.convert_to_numpy(mixed) * std + mean, 0, 255)
    assert np.abs(device[-1].images - pixels).max() <= 0.51


@pytest.mark.slow
def test_crop_before_the_policy_is_shown(small_recipe):
    recipe = small_recipe.replace(policy="trivialaugment")
    host, device, *_ = stages_of(recipe)
    plain = stages_of(small_recipe)[1][0].images
    np.testing.assert_array_equal(np.stack(host[2].images), plain)
    assert (device[0].images != plain).any()


def test_labels_below_a_picture(small_recipe):
    splits = build.data(small_recipe)
    row = np.array([0.25, 0.0, 0.75])
    assert look.label_lines(row, splits) == ["75% red", "25% blue"]


def test_sheet_is_a_png(small_recipe):
    splits = build.data(small_recipe)
    png = look.look(small_recipe, splits, 100)  # no more than the batch has
    height = Image.open(io.BytesIO(png)).size[1]
    assert height == 12 + 30 + 8 * 225
