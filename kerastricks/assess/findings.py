"""Every number that an outcome gives, for result.json and both reports."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerastricks.evaluation import (
    LabelScores,
    Reliability,
    Slice,
    accuracy_interval,
    best_thresholds,
    confusion_matrix,
    f1_at,
    fit_temperature,
    label_reliability,
    label_scores,
    reliability_bins,
    slices_by_label,
    slices_by_size,
    summarize,
)
from kerastricks.evaluation.calibration import HIGHEST, LOWEST
from kerastricks.outcome import Outcome
from kerastricks.report.calibration import Calibrated

CLOSE = 1e-3  # how near to an end of the range the fit ends at most
FITTED = "fitted on these images"
STORED = "fitted on the run's own validation images"


@dataclasses.dataclass(frozen=True)
class Findings:
    """Of one outcome.

    Args:
        numbers: top1, top5, loss, ece as `summarize` gives them; top1_low and
            top1_high; temperature, loss_calibrated and ece_calibrated. With
            several labels f1_best too.
        confusion: of one class an image; `label_scores` of several.
        thresholds: (the best of each class, F1 there), of several.
        by_size: empty where sizes are unknown or all the same.
    """

    class_names: Sequence[str]
    numbers: dict[str, float]
    reliability: Reliability
    calibrated: Calibrated
    confusion: np.ndarray | None = None
    label_scores: LabelScores | None = None
    thresholds: tuple[np.ndarray, np.ndarray] | None = None
    by_size: Sequence[Slice] = ()
    by_class: Sequence[Slice] = ()

    def measured(self) -> dict[str, Any]:
        """Arguments of `measured_sections`."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("numbers", "by_class")
        }

    def doubts(self) -> list[str]:
        """What a reader of the numbers must know, if anything."""
        temperature = self.calibrated.temperature
        where = f"the temperature is at the end of its range, {temperature:.3g}"
        if temperature >= HIGHEST * (1 - CLOSE):
            return [f"{where}: these logits say hardly anything of the labels"]
        if temperature <= LOWEST * (1 + CLOSE):
            return [f"{where}: these logits are far too small"]
        return []

    def calibration(self) -> dict[str, Any]:
        """The content of calibration.json."""
        found: dict[str, Any] = {"temperature": self.calibrated.temperature}
        if self.thresholds is not None:
            found["thresholds"] = [float(t) for t in self.thresholds[0]]
        return found


def find(
    outcome: Outcome,
    class_names: Sequence[str],
    sizes: np.ndarray | None = None,
    stored: Mapping[str, Any] | None = None,
) -> Findings:
    """All of it.

    Args:
        sizes: (height, width) of each image, if known.
        stored: a calibration.json; its temperature and thresholds are taken
            as they are. Without it they are fitted here.
    """
    logits, labels = outcome.logits, outcome.labels
    stored = stored or {}
    temperature = stored.get("temperature") or fit_temperature(logits, labels)
    numbers = summarize(logits, labels)
    low, high = accuracy_interval(outcome.right)
    after = summarize(logits / temperature, labels)
    numbers |= {
        "top1_low": low,
        "top1_high": high,
        "temperature": float(temperature),
        "loss_calibrated": after["loss"],
        "ece_calibrated": after["ece"],
    }
    more = several if outcome.multi_label else single
    extra, parts = more(outcome, class_names, stored)
    calibrated = Calibrated(
        float(temperature),
        bins_of(logits / temperature, outcome),
        (numbers["ece"], after["ece"]),
        STORED if stored else FITTED,
    )
    return Findings(
        class_names,
        numbers | extra,
        bins_of(logits, outcome),
        calibrated,
        by_size=size_slices(outcome, sizes),
        **parts,
    )


Parts = tuple[dict[str, float], dict[str, Any]]


def single(
    outcome: Outcome, class_names: Sequence[str], stored: Mapping[str, Any]
) -> Parts:
    """What there is to say where each image has one class."""
    labels, logits = outcome.labels, outcome.logits
    return {}, {
        "confusion": confusion_matrix(
            labels, logits.argmax(axis=1), logits.shape[1]
        ),
        "by_class": slices_by_label(outcome.right, labels, class_names),
    }


def several(
    outcome: Outcome, class_names: Sequence[str], stored: Mapping[str, Any]
) -> Parts:
    """And where it may have several."""
    logits, labels = outcome.logits, outcome.labels
    scores = label_scores(logits, labels)
    best = stored.get("thresholds")
    thresholds = (
        best_thresholds(logits, labels) if best is None else np.asarray(best)
    )
    f1 = f1_at(logits, labels, thresholds)
    known = scores.support > 0
    mean = float(np.mean(f1[known])) if known.any() else float("nan")
    return {"f1_best": mean}, {
        "label_scores": scores,
        "thresholds": (thresholds, f1),
    }


def bins_of(logits: np.ndarray, outcome: Outcome) -> Reliability:
    """The reliability of these logits."""
    if outcome.multi_label:
        return label_reliability(logits, outcome.labels)
    chances = dataclasses.replace(outcome, logits=logits).probabilities
    return reliability_bins(chances, outcome.labels)


def size_slices(outcome: Outcome, sizes: np.ndarray | None) -> Sequence[Slice]:
    """Top-1 by image size, where there is more than one."""
    if sizes is None:
        return ()
    found = slices_by_size(outcome.right, sizes)
    return found if len(found) > 1 else ()
