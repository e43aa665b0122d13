"""Who teaches in a run, and what they said once and for all."""

from typing import Any

import keras
import numpy as np

from kerastricks import build
from kerastricks.config import Recipe
from kerastricks.files import replacing
from kerastricks.run_dir import RunDir
from kerastricks.teachers import load_teachers
from kerastricks.training import Learner


def of_recipe(recipe: Recipe, splits: build.Splits) -> list[Any]:
    """The networks that --teacher names, but for the student's own average."""
    text = recipe.distill.teacher
    if text in ("", "ema"):
        return []
    return load_teachers(
        text,
        class_names=splits.train.class_names,
        image_size=splits.image_size,
        normalize=build.normalizer(recipe),
        precision=recipe.run.precision,
    )


def answers(
    recipe: Recipe, folder: RunDir, splits: build.Splits, learner: Learner
) -> np.ndarray | None:
    """Their logits [N, C] of all training images, asked once and kept."""
    if not recipe.distill.cache_teacher:
        return None
    if not folder.teacher_logits.is_file():
        batches = build.eval_batches(recipe, splits.train, splits.image_size)
        show = build.progress("asking the teacher")
        rows: list[np.ndarray] = []
        for batch in batches:
            images = learner.prepare(batch, training=False)[0]
            said = learner.teacher_logits(images)
            rows.extend(keras.ops.convert_to_numpy(said))
            if show:
                show(len(rows), len(splits.train))
        with replacing(folder.teacher_logits) as partial:
            with open(partial, "wb") as file:
                np.save(file, np.stack(rows))
    return np.load(folder.teacher_logits)
