"""One run or several, each asked about the same images."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks import build, trained
from kerastricks.config import Recipe
from kerastricks.data import Source
from kerastricks.errors import InputError
from kerastricks.evaluation import averaged_logits
from kerastricks.evaluation.tta import Tta
from kerastricks.outcome import Outcome, judge
from kerastricks.progress import Progress
from kerastricks.run_dir import RunDir
from kerastricks.trained import Trained, check_labels, check_own
from kerastricks.views import refuse_sides, tta_logits


@dataclasses.dataclass(frozen=True)
class Asked:
    """A run, and what it says of the images.

    Args:
        name: of the run's folder.
        plain: without test-time augmentation.
        outcome: with it, if there is any; else the same.
        stored: the run's calibration.json, for `plain` on other images;
            empty on its own.
        doubt: why the numbers may be too good, if they may.
    """

    name: str
    folder: RunDir
    recipe: Recipe
    classifier: Trained
    splits: build.Splits
    plain: Outcome
    outcome: Outcome
    stored: Mapping[str, Any]
    doubt: str = ""


def ask(folder: RunDir, data: str = "", tta: Tta | None = None) -> Asked:
    """Loads a run and classifies every validation image.

    Args:
        data: other than the run's, if given.
    """
    recipe, name = folder.recipe(), folder.path.resolve().name
    about = folder.read(folder.effective_file)["data"]
    splits = build.evaluation_data(recipe, data)
    if data:
        check_labels(splits.val, about)
    else:
        check_own(splits, about)
    classifier = trained.load(recipe, folder)
    # Other data may suit another size than the run was made for.
    splits = dataclasses.replace(splits, image_size=classifier.squares.size)
    if tta:  # rather now than after the plain pass
        refuse_sides(classifier, tta)
    progress = Progress(f"{name}: images")
    plain = judge(recipe, classifier, splits, progress)
    if about.get("multi_label") and not plain.multi_label:
        labels = np.eye(len(about["class_names"]), dtype=np.float32)
        plain = dataclasses.replace(plain, labels=labels[plain.labels])
    outcome = plain
    if tta:
        logits = tta_logits(recipe, classifier, splits, tta, plain.logits)
        outcome = dataclasses.replace(plain, logits=logits)
    # Of the run's own images it would be found again.
    stored = folder.calibration() if data else {}
    return Asked(
        name,
        folder,
        recipe,
        classifier,
        splits,
        plain,
        outcome,
        stored,
        doubt(name, recipe, splits.val, data),
    )


def ask_all(
    folders: Sequence[RunDir], data: str = "", tta: Tta | None = None
) -> list[Asked]:
    """Each of the runs, whose images must be the same."""
    found: list[Asked] = []
    for folder in folders:
        found.append(ask(folder, data, tta))
        check_same_images(found[0], found[-1])
    return found


def together(asked: Sequence[Asked]) -> Outcome:
    """What the runs say on the average of their probabilities."""
    first = asked[0].outcome
    if len(asked) == 1:
        return first
    logits = averaged_logits(
        [one.outcome.logits for one in asked], multi_label=first.multi_label
    )
    return Outcome(logits, first.labels)


def doubt(name: str, recipe: Recipe, source: Source, data: str) -> str:
    """Says if other data is what the run was trained on, or nothing."""
    known = build.learnt_from(recipe, source, data) if data else 0
    if not known:
        return ""
    return (
        f"{name} was trained on {known:,} of these {len(source):,} images, and "
        "its numbers are too good: without --data it is judged on those it "
        "held out"
    )


def check_same_images(one: Asked, other: Asked) -> None:
    """What two runs say can only be compared of the same images."""
    same = (
        one.splits.sha256() == other.splits.sha256()
        and one.outcome.labels.shape == other.outcome.labels.shape
    )
    if not same or one.splits.val.class_names != other.splits.val.class_names:
        raise InputError(
            "runs are compared or averaged on the same validation images, "
            "which these do not have: give them with --data. Received: "
            f"{len(one.plain.labels):,} images of {one.name}, "
            f"{len(other.plain.labels):,} of {other.name}"
        )
