"""What a finished run says about each validation image."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerastricks import build
from kerastricks.config import Recipe
from kerastricks.data import Source
from kerastricks.data.bad_images import naming_bad
from kerastricks.evaluation import cross_entropy, probabilities
from kerastricks.evaluation.multi_label import binary_cross_entropy
from kerastricks.trained import Trained


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was said of each image and what is true, in the source's order.

    Args:
        logits: float [N, C].
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

    def probabilities_of(self, place: int) -> np.ndarray:
        """float64 [C]: the same of one image."""
        return probabilities(self.logits[place : place + 1], self.multi_label)[
            0
        ]

    @property
    def right(self) -> np.ndarray:
        """bool [N], whose mean is top-1: the best class is (among) the true.

        A row with a NaN is wrong.
        """
        best = self.logits.argmax(axis=1)
        if self.multi_label:
            hits = self.labels[np.arange(len(best)), best] > 0
        else:
            hits = best == self.labels
        return hits & ~np.isnan(self.logits).any(axis=1)

    @property
    def losses(self) -> np.ndarray:
        """float64 [N], in nats."""
        loss = binary_cross_entropy if self.multi_label else cross_entropy
        return loss(self.logits, self.labels)

    def likeliest_truth(self, place: int) -> int:
        """The true class of an image; of several the one that it finds best.

        Of none its best class.
        """
        if not self.multi_label:
            return int(self.labels[place])
        allowed = self.labels[place] > 0
        if not allowed.any():
            return int(self.logits[place].argmax())
        return int(np.where(allowed, self.logits[place], -np.inf).argmax())


def judge(
    recipe: Recipe,
    classifier: Trained,
    splits: build.Splits,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Classifies every validation image once.

    Args:
        progress: told (done, total) images.
    """
    logits = logits_of(recipe, classifier, splits.val, progress)
    return Outcome(logits, splits.val.labels)


def logits_of(
    recipe: Recipe,
    classifier: Trained,
    source: Source,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """float32 [N, C] of a source's images, as evaluation cuts them."""
    batches = build.eval_batches(recipe, source, classifier.squares.size)
    squares = batches.map(lambda inputs, label: inputs["image"])
    counting = [Count(len(source), progress)] if progress else []
    with naming_bad(source, max_pixels=recipe.data.max_pixels):
        return classifier.logits(squares, counting)


class Count(keras.callbacks.Callback):
    """Tells (done, total) after each batch."""

    def __init__(self, total: int, tell: Callable[[int, int], None]) -> None:
        super().__init__()
        self.done, self.total, self.tell = 0, total, tell

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self.done += len((logs or {})["outputs"])
        self.tell(self.done, self.total)
