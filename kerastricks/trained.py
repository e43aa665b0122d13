"""A finished run's classifier, in float32 whatever it was trained in.

What is evaluated here is what is served: the same weights, the same precision,
the same preprocessing.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerastricks import build
from kerastricks.augment import Normalize
from kerastricks.config import Recipe
from kerastricks.data import Source
from kerastricks.data.squares import Squares
from kerastricks.errors import InputError
from kerastricks.run_dir import RunDir
from kerastricks.training import Learner


@dataclasses.dataclass(frozen=True)
class Trained:
    """What it takes to classify an image.

    Args:
        temperature: `evaluation.calibration`'s; probabilities are those of
            logits / temperature.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    squares: Squares
    normalize: Normalize
    multi_label: bool = False
    temperature: float = 1.0

    def logits(
        self, squares: tf.data.Dataset, callbacks: Sequence[Any] = ()
    ) -> np.ndarray:
        """float32 [N, C] for batches of uint8 squares.

        Args:
            callbacks: for Keras's `predict`.
        """
        learner = Learner(self.model, [self.normalize])
        learner.compile()
        return learner.predict(squares, verbose=0, callbacks=list(callbacks))


def load(recipe: Recipe, folder: RunDir) -> Trained:
    """The best weights of a run."""
    about = folder.read(folder.effective_file)["data"]
    if not folder.best_weights.is_file():
        raise InputError(
            "this run has no weights yet: its first epoch is not over. "
            f"Received: run_dir={folder.path}"
        )
    names = tuple(about["class_names"])
    size = about["image_size"]
    model = build.classifier(recipe, len(names), size, "float32")
    model.load_weights(folder.best_weights)
    return Trained(
        model=model,
        class_names=names,
        squares=build.squares(recipe, size),
        normalize=build.normalizer(recipe),
        multi_label=about.get("multi_label", False),
        temperature=folder.calibration().get("temperature", 1.0),
    )


def check_own(splits: build.Splits, about: Mapping[str, Any]) -> None:
    """A run's validation images must be those that it held out.

    Args:
        about: the run's data, as effective.json tells it.
    """
    check_labels(splits.val, about)
    if about.get("val_sha256") not in (None, splits.sha256("val")):
        raise InputError(
            "the data has changed since the run was trained, and images that "
            "it learnt from may be among those it is judged on now: put the "
            "data back, or give others with --data. Received: "
            f"{len(splits.val):,} validation images (there: "
            f"{about['val_images']:,})"
        )


def check_labels(source: Source, about: Mapping[str, Any]) -> None:
    """The data must ask what the run was taught.

    Args:
        about: the run's data, as effective.json tells it.
    """
    names, theirs = source.class_names, tuple(about["class_names"])
    if names != theirs:
        raise InputError(
            "the data must have the classes of the run. Received: "
            f"{', '.join(names[:5])} ...; the run's: "
            f"{', '.join(theirs[:5])} ..."
        )
    if source.multi_label and not about.get("multi_label"):
        raise InputError(
            "a run of one class an image needs data of one class an image. "
            f"Received: several labels, as of {source.names[0]}"
        )
