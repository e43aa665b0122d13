"""Labels that a finished run doubts, split by split."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerastricks.config import Recipe
from kerastricks.data import Source
from kerastricks.data.inspection import Survey
from kerastricks.data.inspection.findings import image
from kerastricks.evaluation import probabilities
from kerastricks.evaluation.label_noise import Suspect, suspects
from kerastricks.outcome import logits_of
from kerastricks.progress import Progress
from kerastricks.trained import Trained

SHOWN = 48  # of a split, in inspect.json and on the page


def doubted(
    recipe: Recipe, classifier: Trained, surveys: Mapping[str, Survey]
) -> dict[str, Any]:
    """By split: the `count`, and the first `images` with `likely` and `score`.

    Args:
        recipe: how images become squares.
        surveys: the images looked at; unreadable ones are passed over.
    """
    found = {}
    for split, survey in surveys.items():
        good = survey.good
        readable = survey.source.subset(good)
        show = Progress(f"asking about {split}")
        logits = logits_of(recipe, classifier, readable, show)
        chances = probabilities(logits, classifier.multi_label)
        doubts = of_labels(chances, readable.labels)
        found[split] = {
            "count": len({doubt.index for _, doubt in doubts}),
            "images": [
                image(split, survey, int(good[doubt.index]))
                | claim(doubt, label, readable)
                for label, doubt in doubts[:SHOWN]
            ],
        }
    return found


def of_labels(
    chances: np.ndarray, labels: np.ndarray
) -> list[tuple[int, Suspect]]:
    """(class in question, suspect), the most doubtful first.

    With several labels an image each class is a question of its own, with the
    answers 0 and 1; otherwise there is a single one, and the class is -1.
    """
    if labels.ndim == 1:
        return [(-1, one) for one in suspects(chances, labels, len(labels))]
    found = []
    for label in range(labels.shape[1]):
        two = np.stack([1 - chances[:, label], chances[:, label]], axis=1)
        truth = labels[:, label].astype(np.int32)
        found += [(label, one) for one in suspects(two, truth, len(truth))]
    return sorted(found, key=lambda pair: -pair[1].score)


def claim(doubt: Suspect, label: int, source: Source) -> dict[str, Any]:
    """What the network says instead."""
    names = source.class_names
    if label < 0:
        likely = names[doubt.likely]
    else:
        likely = f"{names[label]}" if doubt.likely else f"no {names[label]}"
    return {"likely": likely, "score": round(doubt.score, 4)}
