"""Who teaches in a run, and what they said once and for all."""

import hashlib
import pathlib
from typing import Any

import keras
import numpy as np

from kerastricks import build
from kerastricks.call_text import split_outside
from kerastricks.config import Recipe
from kerastricks.data.sources.source import stamp_of
from kerastricks.errors import InputError
from kerastricks.files import replacing
from kerastricks.progress import Progress
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
    told, images = digest(recipe, splits, learner), stamp_of(splits.train)
    begun = folder.has_progress()
    if folder.teacher_logits.is_file():
        with np.load(folder.teacher_logits) as kept:
            # Data that has been moved is the run's own still.
            same = begun or str(kept["images"]) == images
            if str(kept["teachers"]) == told and same:
                return kept["logits"]
        if begun:
            raise InputError(
                "the teachers or their images have changed since this run "
                "asked them; give another run_dir. Received: teacher="
                f"{recipe.distill.teacher}, run_dir={folder.path}"
            )
    rows = ask(recipe, splits, learner)
    with replacing(folder.teacher_logits) as partial:
        with open(partial, "wb") as file:
            np.savez(file, logits=rows, teachers=told, images=images)
    return rows


def ask(recipe: Recipe, splits: build.Splits, learner: Learner) -> np.ndarray:
    """Logits [N, C] of the training images in their order."""
    show = Progress("asking the teacher")
    rows: list[np.ndarray] = []
    for batch in build.eval_batches(recipe, splits.train, splits.image_size):
        images = learner.prepare(batch, training=False)[0]
        rows.extend(keras.ops.convert_to_numpy(learner.teacher_logits(images)))
        show(len(rows), len(splits.train))
    return np.stack(rows)


def digest(recipe: Recipe, splits: build.Splits, learner: Learner) -> str:
    """SHA-256 of the teachers' weights and of what they are asked about.

    Of SavedModels it is their files.
    """
    shown = build.squares(recipe, splits.image_size).way(finished=True)
    asked = f"{splits.sha256()} {shown} {build.normalizer(recipe).get_config()}"
    total = hashlib.sha256(asked.encode())
    for variable in learner.teacher_variables:
        total.update(keras.ops.convert_to_numpy(variable).tobytes())
    for entry in split_outside(recipe.distill.teacher):
        folder = pathlib.Path(entry).expanduser()
        if (folder / "saved_model.pb").is_file():
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    total.update(file.read_bytes())
    return total.hexdigest()
