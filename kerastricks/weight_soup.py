"""Averages of several models' weights, in place of the models.

    w = 1/M sum_m w_m;   greedy: best first, one more if it does not hurt

Paper: Wortsman et al. 2022, Model soups (2203.05482). Acts on: weights, batch
norm's means and variances among them. Cost: one evaluation of each model and of
each soup that is tried; a soup serves at the price of one model. Hurts: of
models that did not begin at the same trained weights the mean is no model.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerastricks import build, trained
from kerastricks.checkpoint_weights import Weights, assign, places, read
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.evaluation import averaged_logits, summarize
from kerastricks.outcome import Count
from kerastricks.progress import Progress
from kerastricks.run_dir import RunDir
from kerastricks.training import Learner
from kerastricks.training.recalibrate import Recalibration


@dataclasses.dataclass(frozen=True)
class Measured:
    """Weights, and what they are worth on the validation images.

    Args:
        parts: names of what they are the mean of.
    """

    name: str
    weights: Weights
    logits: np.ndarray
    numbers: dict[str, float]
    parts: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """What is to be high: top-1; of several labels the mean precision."""
        top1 = self.numbers["top1"]
        return self.numbers.get("mean_average_precision", top1)


class Bench:
    """Measures weights; the network is built and compiled once.

    Args:
        recalibrate_bn: training batches from which a mean of weights gets new
            statistics before it is measured; 0: theirs are averaged.
    """

    def __init__(
        self,
        recipe: Recipe,
        classifier: trained.Trained,
        splits: build.Splits,
        recalibrate_bn: int = 0,
    ) -> None:
        self.model = classifier.model
        self.labels = splits.val.labels
        batches = build.eval_batches(
            recipe, splits.val, classifier.squares.size
        )
        self.squares = batches.map(lambda inputs, label: inputs["image"])
        self.learner = Learner(self.model, [classifier.normalize])
        self.learner.compile()
        self.recalibrate_bn = recalibrate_bn
        if recalibrate_bn:
            self.recalibration = Recalibration(self.model)
            self.images = training_images(
                recipe, splits, self.model, classifier.multi_label
            )

    def measure(self, name: str, weights: Weights) -> Measured:
        """As they are."""
        assign(self.model, weights)
        return self.found(name, weights, ())

    def mean(self, name: str, parts: Sequence[Measured]) -> Measured:
        """Of the mean of their weights; of one alone, itself."""
        names = tuple(part.name for part in parts)
        if len(parts) == 1:
            return dataclasses.replace(parts[0], name=name, parts=names)
        assign(self.model, mean_weights([part.weights for part in parts]))
        if self.recalibrate_bn:
            self.recalibration(self.images(), self.recalibrate_bn)
        return self.found(name, read(self.model), names)

    def found(
        self, name: str, weights: Weights, parts: tuple[str, ...]
    ) -> Measured:
        """What the model, which has these weights, says."""
        count = Count(len(self.labels), Progress(name))
        logits = self.learner.predict(
            self.squares, verbose=0, callbacks=[count]
        )
        numbers = summarize(logits, self.labels)
        return Measured(name, weights, logits, numbers, parts)

    def ensemble(self, parts: Sequence[Measured]) -> dict[str, float]:
        """The numbers of the mean of their probabilities."""
        logits = averaged_logits(
            [part.logits for part in parts],
            multi_label=self.labels.ndim == 2,
        )
        return summarize(logits, self.labels)


def greedy(
    parts: Sequence[Measured],
    mean: Callable[[str, Sequence[Measured]], Measured],
    show: Callable[[str], None] = print,
) -> Measured:
    """The soup of the best and of each other that does not lower its score.

    Args:
        mean: (name, parts) -> their soup, measured.
        show: told of each try.
    """
    ordered = sorted(
        parts,
        key=lambda part: (part.score, -part.numbers["loss"]),
        reverse=True,
    )
    used = [ordered[0]]
    soup = mean("soup", used)
    show(f"  {used[0].name}: the best one, {soup.score:.2%}")
    for part in ordered[1:]:
        tried = mean("soup", [*used, part])
        better = tried.score >= soup.score
        show(
            f"  with {part.name}: {tried.score:.2%}, "
            f"{'kept' if better else 'left out'}"
        )
        if better:
            used, soup = [*used, part], tried
    return soup


def mean_weights(several: Sequence[Weights]) -> Weights:
    """In float64, each in its own type again; of counters the first's."""
    return [
        np.mean(values, axis=0, dtype=np.float64).astype(values[0].dtype)
        if np.issubdtype(values[0].dtype, np.floating)
        else values[0]
        for values in zip(*several, strict=True)
    ]


def of_run(model: keras.Model, recipe: Recipe, folder: RunDir) -> Weights:
    """A run's best weights, which must be those of such a model."""
    other = trained.load(recipe, folder).model
    if places(other.weights) != places(model.weights):
        raise InputError(
            "the runs of a soup must have the same network. Received: "
            f"{len(other.weights)} arrays in {folder.path} and "
            f"{len(model.weights)} in the first run, or of other shapes"
        )
    return read(other)


def training_images(
    recipe: Recipe, splits: build.Splits, model: keras.Model, several: bool
) -> Callable[[], Any]:
    """Opens the batches of the last phase: augmented and normalised."""
    phase = build.phases(recipe, splits)[-1]
    learner = Learner(model, phase.augment, several, views=phase.views)

    def images() -> Any:
        batches = build.train_batches(recipe, splits.train, phase, 0)
        for batch in batches.as_numpy_iterator():
            yield learner.prepare(batch, training=True)[0]

    return images
