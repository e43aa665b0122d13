"""What changes along a run, as phases."""

import numpy as np
import pytest

from kerastricks import build
from kerastricks.config import Recipe
from kerastricks.data.policies import RandAugment, at_strength, create

GRADUAL = {"freeze_epochs": 1, "unfreeze_every": 1}


@pytest.fixture(scope="module")
def splits(image_folder):
    return build.data(Recipe(data=f"folder:{image_folder}", batch_size=8))


def plan(splits, **values):
    recipe = Recipe(**({"batch_size": 8, "epochs": 10} | values)).validate()
    return build.phases(recipe, splits)


def test_a_plain_run_is_one_phase(splits):
    (phase,) = plan(splits)
    assert (phase.name, phase.trained, phase.strength) == ("train", 0, 1)
    assert (phase.epochs, phase.steps_per_epoch, phase.last_step) == (10, 6, 60)
    assert phase.image_size == splits.image_size


def test_gradual_unfreezing(splits):
    phases = plan(
        splits,
        finetune="somewhere",
        freeze_epochs=2,
        unfreeze_every=1,
        head_epochs=1,
    )
    found = [(p.first_epoch, p.epochs, p.trained) for p in phases]
    # The head for 2 epochs; then a stage more in each; all six from epoch 6 on.
    assert found == [
        (0, 2, 1),
        (2, 1, 2),
        (3, 1, 3),
        (4, 1, 4),
        (5, 1, 5),
        (6, 3, 0),
        (9, 1, 1),
    ]
    names = [phase.name for phase in phases]
    assert names[:2] == ["the head alone", "the last 2 layer groups"]
    assert names[-2:] == ["all layers", "the head alone"]


@pytest.mark.parametrize(
    "model, knobs, warning",
    [
        ("resnet10_d", GRADUAL, "the first layers never learn"),  # 6 groups
        ("resnet20", GRADUAL, ""),  # 5 groups
        ("resnet10_d", {"freeze_epochs": 5}, "nothing but the head learns"),
        ("resnet10_d", {"freeze_epochs": 2, "head_epochs": 3}, "nothing but"),
        ("resnet10_d", {"freeze_epochs": 4, "resize_schedule": "16"}, ""),
    ],
    ids=["six", "five", "freeze", "freeze and head", "one epoch"],
)
def test_what_is_left_undone_is_said(splits, model, knobs, warning):
    recipe = Recipe(
        model=model, epochs=5, batch_size=8, finetune="somewhere", **knobs
    )
    lines = build.doubtful(recipe, build.phases(recipe.validate(), splits))
    assert len(lines) == bool(warning)
    assert all(line.startswith(warning) for line in lines)


def test_strengths_stay_in_their_range(splits):
    (phase,) = plan(splits, strength_schedule="5", erasing=0.5, mixup=0.2)
    tricks = repr(phase.augment.tricks)
    assert "rate=1.0, area" in tricks and "alpha=1.0" in tricks


def test_everything_at_once(splits):
    phases = plan(
        splits,
        resize_schedule="16@0,24@0.52",
        batch_schedule="16@0,4@0.3",
        strength_schedule="0.5,1@0.8",
        mixup=0.4,
        color_jitter=0.2,
        mix_off_epochs=1,
    )
    found = [
        (
            p.first_epoch,
            p.first_step,
            p.steps_per_epoch,
            p.image_size,
            p.batch_size,
            p.strength,
        )
        for p in phases
    ]
    # 48 images: 3 steps of 16 an epoch, 12 of 4.
    assert found == [
        (0, 0, 3, 16, 16, 0.5),
        (3, 9, 12, 16, 4, 0.5),
        (5, 33, 12, 24, 4, 0.5),
        (8, 69, 12, 24, 4, 1),
        (9, 81, 12, 24, 4, 1),
    ]
    assert phases[-1].last_step == 93
    tricks = [repr(phase.augment.tricks) for phase in phases]
    assert "MixUp(alpha=0.2" in tricks[0]
    assert "brightness=0.1" in tricks[0]
    assert "MixUp(alpha=0.4" in tricks[3]
    assert "MixUp" not in tricks[4]
    assert phases[0].name == "16 px, 16 images a batch, strength 0.5"


def test_the_rate_follows_the_batch_and_the_epoch(splits):
    knobs = {
        "learning_rate": 1.0,
        "batch_size": 8,
        "warmup_epochs": 0.0,
        "epochs": 10,
    }
    recipe = Recipe(**knobs, batch_schedule="16@0,4@0.5")
    phases = build.phases(recipe, splits)
    pace = build.pace(recipe, phases)
    assert pace == [(0, 0, 3, 2.0), (15, 5, 12, 0.5)]
    schedule = build.schedule(recipe, 6, pace)
    plain = build.schedule(Recipe(**knobs), 6)
    for step, place, factor in ((0, 0, 2), (14, 28, 2), (15, 30, 0.5)):
        expected = factor * float(plain(place))
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-6)
    root = Recipe(**knobs, batch_schedule="32", lr_scaling="sqrt")
    assert build.pace(root, build.phases(root, splits))[0][3] == 2.0


@pytest.mark.slow
def test_batches_have_the_size_of_their_phase(splits):
    recipe = Recipe(batch_size=8, epochs=4, resize_schedule="16@0,40@0.5")
    for phase, side in zip(build.phases(recipe, splits), (16, 40), strict=True):
        batches = build.train_batches(recipe, splits.train, phase, 0)
        inputs, labels = next(iter(batches))
        assert inputs["image"].shape == (8, side, side, 3)
        assert np.asarray(labels).shape == (8,)


@pytest.mark.parametrize(
    "text, factor, changed",
    [
        ("randaugment-n2-m9", 0.5, ("magnitude", 4)),
        ("randaugment-n2-m20", 3, ("magnitude", 30)),
        ("augmix-s3-w3", 2, ("severity", 6)),
        ("augmix-s3-w3", 0.1, ("severity", 1)),
    ],
)
def test_policies_by_strength(text, factor, changed):
    name, value = changed
    assert getattr(at_strength(create(text), factor), name) == value


def test_policies_without_strength_stay():
    assert at_strength(None, 0.5) is None
    policy = create("trivialaugment")
    assert at_strength(policy, 0.5) is policy
    assert at_strength(RandAugment(1, 9), 1) == RandAugment(1, 9)
