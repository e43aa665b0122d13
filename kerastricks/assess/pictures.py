"""The pictures of the reports: mistakes, what differs, what is looked at."""

import dataclasses
import io
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from kerastricks import build
from kerastricks.config import Recipe
from kerastricks.evaluation import top_losses
from kerastricks.evaluation.grad_cam import grad_cam
from kerastricks.outcome import Outcome
from kerastricks.report.pictures import Picture, claim, mislabelled, mistake
from kerastricks.trained import Trained

PICTURES = 24  # of mistakes in a report
DIFFERENT = 12  # on either side of a comparison
NAMES = 5  # of wrong labels below a picture
QUALITY = 92  # of JPEGs
SMALLEST = 160  # side of a picture with a map of heat on it
GLOW = np.array([255, 120, 30], np.float32)  # what speaks for a class


def mistakes(
    recipe: Recipe,
    splits: build.Splits,
    outcome: Outcome,
    count: int = PICTURES,
) -> list[Picture]:
    """The most confident errors, as pictures."""
    names, found = splits.val.class_names, []
    for place in map(int, top_losses(outcome.logits, outcome.labels, count)):
        image = jpeg(square(recipe, splits, place))
        row, label = outcome.probabilities_of(place), outcome.labels[place]
        if outcome.multi_label:
            truths = [names[i] for i in np.flatnonzero(label)]
            shown = mislabelled(image, claims(row, names), truths)
        else:
            best = names[row.argmax()]
            shown = mistake(image, best, float(row.max()), names[label])
        found.append(named(shown, splits, place, outcome.losses[place]))
    return found


def named(
    shown: Picture, splits: build.Splits, place: int, loss: float | None = None
) -> Picture:
    """With the file's name, by which a wrong label can be mended."""
    told = [shown.detail, os.path.basename(splits.val.names[place])]
    if loss is not None:
        told.append(f"loss {loss:.2f}")
    return dataclasses.replace(shown, detail=", ".join(told))


def claims(
    chances: np.ndarray, names: Sequence[str]
) -> list[tuple[str, float]]:
    """The likeliest labels among those that are likelier than not."""
    order = np.argsort(-chances, kind="stable")[:NAMES]
    return [(names[i], float(chances[i])) for i in order if chances[i] > 0.5]


def differing(
    recipe: Recipe, splits: build.Splits, better: Outcome, worse: Outcome
) -> list[Picture]:
    """What one got right and the other did not, surest mistakes first."""
    places = np.flatnonzero(better.right & ~worse.right)
    order = np.argsort(-worse.losses[places], kind="stable")[:DIFFERENT]
    names, found = splits.val.class_names, []
    for place in map(int, places[order]):
        said = []
        for outcome in (better, worse):
            row = outcome.probabilities_of(place)
            said.append(claim(names[row.argmax()], float(row.max())))
        truth = names[better.likeliest_truth(place)]
        told = f"{said[0]}; the other: {said[1]}"
        image = jpeg(square(recipe, splits, place))
        shown = Picture(image, f"is {truth}", told)
        found.append(named(shown, splits, place))
    return found


def heat(
    recipe: Recipe,
    classifier: Trained,
    splits: build.Splits,
    outcome: Outcome,
    places: Sequence[int],
) -> list[Picture]:
    """The picture, what speaks for the prediction, what for the truth."""
    if not places:
        return []
    names = splits.val.class_names
    squares = np.stack([square(recipe, splits, place) for place in places])
    images = np.asarray(classifier.normalize(squares)[0])
    said = outcome.logits[list(places)].argmax(axis=1)
    true = [outcome.likeliest_truth(place) for place in places]
    for_said = grad_cam(classifier.model, images, said)
    for_true = grad_cam(classifier.model, images, np.array(true))
    found = []
    for i, place in enumerate(places):
        row = [enlarged(squares[i])]
        row += [lit(row[0], one[i]) for one in (for_said, for_true)]
        share = float(outcome.probabilities_of(place)[said[i]])
        shown = Picture(
            jpeg(np.concatenate(row, axis=1)),
            f"predicted {claim(names[said[i]], share)}",
            f"is {names[true[i]]}",
        )
        found.append(named(shown, splits, place))
    return found


def lit(image: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The picture [S, S, 3], dark and grey but where shares [h, w] are high."""
    side = image.shape[1], image.shape[0]
    scaled = Image.fromarray(shares.astype(np.float32)).resize(
        side, Image.Resampling.BICUBIC
    )
    share = np.clip(np.asarray(scaled), 0, 1)[..., None]
    pixels = image.astype(np.float32)
    grey = pixels.mean(axis=-1, keepdims=True)
    dark = 0.45 * grey
    bright = 0.65 * pixels + 0.35 * GLOW
    return np.rint(dark + share * (bright - dark)).clip(0, 255).astype(np.uint8)


def enlarged(image: np.ndarray) -> np.ndarray:
    """Small pictures with their pixels repeated, for a map to show on."""
    times = -(-SMALLEST // image.shape[0])
    return image.repeat(times, axis=0).repeat(times, axis=1)


def square(recipe: Recipe, splits: build.Splits, place: int) -> np.ndarray:
    """What the model saw of a validation image, uint8 [S, S, 3]."""
    source = splits.val
    index = tf.constant(source.indices[place])
    cut = build.squares(recipe, splits.image_size)
    return cut.evaluation(source, index).numpy()


def jpeg(pixels: np.ndarray) -> bytes:
    """uint8 [H, W, 3] as JPEG."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
