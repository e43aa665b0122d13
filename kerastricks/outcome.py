"""What a finished run says about each validation image."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kerastricks import build
from kerastricks.config import Recipe
from kerastricks.data.bad_images import naming_bad
from kerastricks.evaluation import probabilities, top_losses
from kerastricks.report.run_report import Picture, mislabelled, mistake
from kerastricks.trained import Trained

PICTURES = 24  # of mistakes in the report
NAMES = 5  # of wrong labels below a picture


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was said of each image and what is true, in the source's order.

    Args:
        logits: float32 [N, C].
        labels: int32 [N], or float32 [N, C] of 0 and 1.
    """

    logits: np.ndarray
    labels: np.ndarray

    @property
    def multi_label(self) -> bool:
        """Whether an image may have several classes."""
        return self.labels.ndim == 2

    @property
    def probabilities(self) -> np.ndarray:
        """float64 [N, C]: of the classes, or of each class by itself."""
        return probabilities(self.logits, self.multi_label)


def judge(recipe: Recipe, classifier: Trained, splits: build.Splits) -> Outcome:
    """Classifies every validation image once."""
    batches = build.eval_batches(recipe, splits.val, classifier.squares.size)
    squares = batches.map(lambda inputs, label: inputs["image"])
    with naming_bad(splits.val, max_pixels=recipe.data.max_pixels):
        return Outcome(classifier.logits(squares), splits.val.labels)


def mistakes(
    recipe: Recipe, splits: build.Splits, outcome: Outcome
) -> list[Picture]:
    """The most confident errors, as pictures."""
    names, chances = splits.val.class_names, outcome.probabilities
    found = []
    for place in top_losses(outcome.logits, outcome.labels, PICTURES):
        image = picture(recipe, splits, int(place))
        row, label = chances[place], outcome.labels[place]
        if outcome.multi_label:
            truths = [names[i] for i in np.flatnonzero(label)]
            found.append(mislabelled(image, claims(row, names), truths))
        else:
            best = names[row.argmax()]
            found.append(mistake(image, best, float(row.max()), names[label]))
    return found


def claims(
    chances: np.ndarray, names: Sequence[str]
) -> list[tuple[str, float]]:
    """The likeliest labels among those that are likelier than not."""
    order = np.argsort(-chances, kind="stable")[:NAMES]
    return [(names[i], float(chances[i])) for i in order if chances[i] > 0.5]


def picture(recipe: Recipe, splits: build.Splits, place: int) -> bytes:
    """What the model saw of a validation image, as JPEG."""
    source = splits.val
    index = tf.constant(source.indices[place])
    square = build.squares(recipe, splits.image_size).evaluation(source, index)
    return tf.io.encode_jpeg(square, quality=92).numpy()
