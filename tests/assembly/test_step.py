"""From flags to the loss and what a step does."""

import types

import keras
import numpy as np
import pytest

from kerastricks import build
from kerastricks.assembly import step
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.losses import (
    BinaryCrossentropy,
    Focal,
    JsdLoss,
    SoftCrossEntropy,
)
from kerastricks.optimizers.clipping import Clip
from kerastricks.training import Distiller, Ema, EpochMeans, Learner, Sam


def source(several=False):
    return types.SimpleNamespace(
        multi_label=several,
        class_names=("a", "b", "c"),
        class_counts=lambda: np.array([10, 20, 30]),
        __len__=lambda: 60,
    )


def loss(several=False, **values):
    return build.loss(Recipe(**values).validate(), source(several))


def settings(made):
    """What was chosen, without what Keras adds."""
    config = made.get_config()
    return {
        name: value
        for name, value in config.items()
        if name not in ("name", "reduction", "dtype")
        and value not in (None, 0.0, False)
    }


@pytest.mark.parametrize(
    "several, values, kind, expected",
    [
        (
            False,
            {},
            SoftCrossEntropy,
            {"label_smoothing": 0.1, "smoothing": "uniform"},
        ),
        (
            False,
            {"smoothing_law": "others", "class_weights": "1,2,3"},
            SoftCrossEntropy,
            {
                "label_smoothing": 0.1,
                "smoothing": "others",
                "class_weights": [1.0, 2.0, 3.0],
            },
        ),
        (
            True,
            {},
            BinaryCrossentropy,
            {"label_smoothing": 0.1, "smoothing": "half"},
        ),
        (
            False,
            {
                "loss": "sigmoid",
                "bce_target_thresh": 0.2,
                "bce_sum": True,
                "label_smoothing": 0.0,
            },
            BinaryCrossentropy,
            {
                "smoothing": "uniform",
                "target_threshold": 0.2,
                "sum_classes": True,
            },
        ),
        (
            False,
            {"loss": "focal", "focal_gamma": 3.0},
            Focal,
            {"gamma": 3.0, "label_smoothing": 0.1},
        ),
        (
            True,
            {"loss": "focal", "label_smoothing": 0.0},
            Focal,
            {"gamma": 2.0, "multi_label": True},
        ),
        (
            False,
            {"jsd": 12.0, "policy": "augmix"},
            JsdLoss,
            {"weight": 12.0, "label_smoothing": 0.1, "views": 3},
        ),
    ],
)
def test_each_loss_is_built_from_its_flags(several, values, kind, expected):
    made = loss(several, **values)
    assert type(made) is kind and settings(made) == expected


@pytest.mark.parametrize(
    "values",
    [{"loss": "softmax"}, {"jsd": 1.0, "policy": "augmix"}, {"teacher": "x"}],
)
def test_several_classes_an_image_need_questions_of_their_own(values):
    with pytest.raises(InputError, match="need loss=sigmoid or loss=focal"):
        loss(True, **values)


@pytest.mark.parametrize("smoothing, threshold", [(0.1, 0.0), (0.6, 0.1)])
def test_a_threshold_below_all_targets_is_refused(smoothing, threshold):
    values = {"label_smoothing": smoothing, "bce_target_thresh": threshold}
    with pytest.raises(InputError, match="lifts every target to 0.*Received: "):
        loss(loss="sigmoid", **values)
    # With 1,000 classes it would be in order, and without smoothing too.
    assert loss(loss="sigmoid", bce_target_thresh=0.0, label_smoothing=0.0)


@pytest.fixture(scope="module")
def data(image_folder):
    recipe = Recipe(data=f"folder:{image_folder}", image_size=16, batch_size=8)
    return recipe, build.data(recipe)


def made(data, teachers=(), **values):
    recipe, splits = data
    recipe = recipe.replace(
        model="resnet10_d", width=0.125, precision="float32", **values
    )
    return build.learner(recipe.validate(), splits, teachers=teachers)


def test_a_plain_step_has_no_extras(data):
    learner = made(data)
    assert type(learner) is Learner
    extras = learner.clip, learner.sam, learner.average, learner.averages
    assert extras == (None, None, None, [])
    assert (learner.accumulate, learner.views) == (1, 1)


def test_extras_reach_the_learner(data):
    learner = made(
        data,
        clip_grad=0.5,
        accumulate=2,
        sam=0.1,
        sam_every=3,
        asam=True,
        ema=0.9,
        ema_warmup=False,
        nan_steps=7,
    )
    assert learner.clip == Clip(0.5)
    assert learner.sam == Sam(0.1, adaptive=True, every=3)
    assert learner.average == Ema(0.9, warmup=False)
    assert (learner.accumulate, learner.nan_steps) == (2, 7)
    assert len(learner.averages) == len(learner.averaged_variables) > 0


def test_the_head_is_not_clipped_adaptively(data):
    learner = made(data, clip_grad=0.01, clip_mode="agc", swa_epochs=2)
    assert learner.clip.mode == "agc" and len(learner.clip.skip) == 2
    assert all("head" in path for path in learner.clip.skip)
    assert learner.average == EpochMeans()


def test_what_a_trick_refuses_is_the_flags_fault(data):
    with pytest.raises(InputError, match="smoothing must be one of.*half"):
        made(data, smoothing_law="half")
    with pytest.raises(InputError, match="milestones must be steps above 0"):
        made(data, schedule="multistep", decay_milestones="0.01,0.02")


@pytest.mark.slow
def test_views_go_through_all_of_it(data):
    learner = made(data, jsd=12.0, policy="augmix")
    assert learner.views == step.VIEWS == 3
    recipe, splits = data
    recipe = recipe.replace(jsd=12.0, policy="augmix")
    phase = build.phases(recipe, splits)[0]
    inputs, labels = next(
        iter(build.train_batches(recipe, splits.train, phase, 0))
    )
    assert inputs["image"].shape == (24, 16, 16, 3) and labels.shape == (24,)


def test_teachers_make_it_a_distiller(data):
    teacher = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    learner = made(
        data,
        [teacher],
        teacher="somebody",
        temperature=4.0,
        hard_weight=1.0,
        soft_weight=2.0,
        distill_loss="ce",
    )
    assert type(learner) is Distiller
    assert learner.teachers.content == [teacher]
    assert (learner.hard_weight, learner.soft_weight) == (1.0, 2.0)
    assert learner.soft_loss.temperature == 4.0
    assert learner.soft_loss.kind == "ce"
    rest = made(data, [teacher], teacher="somebody", hard_weight=0.2)
    assert rest.soft_weight == pytest.approx(0.8)
    alone = made(data, teacher="ema", ema=0.99)
    assert alone.by_itself and alone.teachers.content == []
