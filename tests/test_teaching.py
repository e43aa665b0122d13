"""Teachers of a run: the recipe's text to networks, and what they said."""

import keras
import numpy as np
import pytest

from kerastricks import build, teaching
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.run_dir import RunDir
from kerastricks.training import Phase

STILL = {"train_crop": "center", "flip": 0.0, "image_size": 16}


@pytest.fixture(scope="module")
def made(image_folder, tmp_path_factory):
    """(recipe, splits, learner, folder) of a student with a teacher."""
    recipe = Recipe(
        data=f"folder:{image_folder}",
        model="resnet10_d",
        width=0.125,
        batch_size=8,
        teacher="somebody",
        cache_teacher=True,
        **STILL,
    )
    splits = build.data(recipe.validate())
    keras.utils.set_random_seed(1)
    teacher = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(len(splits.train.class_names)),
        ]
    )
    learner = build.learner(
        recipe.replace(precision="float32"), splits, teachers=[teacher]
    )
    return recipe, splits, learner, RunDir(tmp_path_factory.mktemp("run"))


def test_nobody_and_oneself_are_no_networks():
    assert teaching.of_recipe(Recipe(), None) == []
    assert teaching.of_recipe(Recipe(teacher="ema", ema=0.9), None) == []


def test_answers_are_asked_for_once(made, monkeypatch):
    recipe, splits, learner, folder = made
    assert (
        teaching.answers(
            recipe.replace(cache_teacher=False), folder, splits, learner
        )
        is None
    )
    said = teaching.answers(recipe, folder, splits, learner)
    assert said.shape == (len(splits.train), len(splits.train.class_names))
    monkeypatch.setattr(learner, "teacher_logits", None)
    again = teaching.answers(recipe, folder, splits, learner)
    np.testing.assert_array_equal(again, said)


def test_teachers_that_have_changed_are_noticed(made):
    recipe, splits, learner, folder = made
    teaching.answers(recipe, folder, splits, learner)
    begun = folder.checkpoints / "step-00000001"
    begun.mkdir(parents=True)
    bias = learner.teacher_variables[1]
    bias.assign_add(keras.ops.ones_like(bias))
    with pytest.raises(InputError, match="teachers or their images have"):
        teaching.answers(recipe, folder, splits, learner)
    bias.assign_sub(keras.ops.ones_like(bias))
    assert teaching.answers(recipe, folder, splits, learner) is not None
    begun.rmdir()


def test_before_anything_is_learnt_they_are_asked_anew(made):
    """Of other images: a failed start may be mended by other flags."""
    recipe, splits, learner, folder = made
    said = teaching.answers(recipe, folder, splits, learner)
    fewer = recipe.replace(sample_fraction=0.5)
    for other in (fewer, recipe.replace(eval_crop=0.5)):
        splits = build.data(other)
        found = teaching.answers(other, folder, splits, learner)
        np.testing.assert_array_equal(
            found, teaching.ask(other, splits, learner)
        )
        assert found.shape != said.shape or (found != said).any()


def test_a_batch_brings_what_the_teacher_says_of_it(made):
    """The same as asking it in the step: no image ever changes."""
    recipe, splits, learner, folder = made
    said = teaching.answers(recipe, folder, splits, learner)
    phase: Phase = build.phases(recipe, splits)[0]
    batches = build.train_batches(recipe, splits.train, phase, 3, said=said)
    inputs, labels = next(iter(batches))
    images = learner.prepare((inputs, labels), training=True)[0]
    np.testing.assert_allclose(
        inputs["teacher"], learner.teacher_logits(images), atol=1e-4
    )
