"""What a finished run says about each validation image."""

import dataclasses

import numpy as np
import tensorflow as tf

from kerastricks import build
from kerastricks.config import Recipe
from kerastricks.data.bad_images import naming_bad
from kerastricks.evaluation import softmax, top_losses
from kerastricks.report.run_report import Picture, mistake
from kerastricks.trained import Trained

PICTURES = 24  # of mistakes in the report


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Logits [N, C] and labels [N], in the order of the source."""

    logits: np.ndarray
    labels: np.ndarray


def judge(recipe: Recipe, classifier: Trained, splits: build.Splits) -> Outcome:
    """Classifies every validation image once."""
    batches = build.eval_batches(recipe, splits.val, classifier.squares.size)
    squares = batches.map(lambda inputs, label: inputs["image"])
    with naming_bad(splits.val):
        return Outcome(classifier.logits(squares), splits.val.labels)


def mistakes(
    recipe: Recipe, splits: build.Splits, outcome: Outcome
) -> list[Picture]:
    """The most confident errors, as pictures."""
    names = splits.val.class_names
    probabilities = softmax(outcome.logits)
    return [
        mistake(
            picture(recipe, splits, int(place)),
            names[probabilities[place].argmax()],
            float(probabilities[place].max()),
            names[outcome.labels[place]],
        )
        for place in top_losses(outcome.logits, outcome.labels, PICTURES)
    ]


def picture(recipe: Recipe, splits: build.Splits, place: int) -> bytes:
    """What the model saw of a validation image, as JPEG."""
    source = splits.val
    data = source.fetch(tf.constant(source.indices[place]))
    square = build.squares(recipe, splits.image_size).eval(data, source.encoded)
    return tf.io.encode_jpeg(square, quality=92).numpy()
