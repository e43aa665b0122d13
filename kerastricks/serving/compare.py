"""Whether two tables of probabilities are the same.

They must be within a tolerance of each other: those of logits / temperature,
and where that flattens them (temperature > 1) those of the undivided logits as
well. The best class must be the same, but where two are so near that one may
pass the other within it. The wide tolerance of int8 would let any class pass
where a network is sure of none; so it bounds the share of images, too, whose
best class changes by more than float32's rounding: at most .1 of them by .1.
"""

import dataclasses

import numpy as np

from kerastricks.errors import RunError
from kerastricks.evaluation import probabilities
from kerastricks.trained import Trained

TOLERANCE = 1e-5  # of float32; sums in another order differ by some 1e-7


@dataclasses.dataclass(frozen=True)
class Check:
    """One comparison.

    Args:
        what: file and signature.
        images: how many were compared.
        top1_equal: of how many the best class is the same.
        largest: difference of any probability, at either temperature.
        mean: of each image's largest difference.
        tolerance: allowed for it, and as a share of images for best classes
            that change.
        passed: whether all is within the tolerance.
    """

    what: str
    images: int
    top1_equal: int
    largest: float
    mean: float
    tolerance: float
    passed: bool


def check(
    what: str,
    expected: np.ndarray,
    found: np.ndarray,
    tolerance: float,
    classifier: Trained | None = None,
) -> Check:
    """Compares probabilities [N, C].

    Args:
        classifier: whose temperature they were made with; None: they are those
            of undivided logits.
    """
    if found.shape != expected.shape:
        raise RunError(
            f"the export is broken: {what} gives {found.shape[-1]} "
            f"probabilities for {expected.shape[-1]} classes"
        )
    top1 = expected.argmax(axis=1), found.argmax(axis=1)
    pairs = [(expected, found)]
    if classifier and classifier.temperature > 1:
        pairs.append(
            (undivided(expected, classifier), undivided(found, classifier))
        )
    gaps = np.max([largest_gaps(*pair) for pair in pairs], axis=0)
    # By how much the right best class led the found one: least flattened last.
    sharp = pairs[-1][0]
    lead = rows(sharp, top1[0]) - rows(sharp, top1[1])
    changed = np.count_nonzero(lead > 2 * TOLERANCE)
    within = (
        gaps.max() <= tolerance
        # Each of two may move by the tolerance before the other is better.
        and lead.max() <= 2 * tolerance
        and changed <= tolerance * len(expected)
    )
    return Check(
        what=what,
        images=len(expected),
        top1_equal=int((top1[0] == top1[1]).sum()),
        largest=float(gaps.max()),
        mean=float(gaps.mean()),
        tolerance=tolerance,
        passed=bool(within),
    )


def largest_gaps(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Of each row; infinite where a number is none."""
    gaps = np.abs(expected - found)
    return np.where(np.isnan(gaps), np.inf, gaps).max(axis=1)


def undivided(chances: np.ndarray, classifier: Trained) -> np.ndarray:
    """Probabilities of the logits before the temperature divided them.

    Theirs are the logarithms (log-odds of a sigmoid) times the temperature.
    """
    chances = np.clip(chances.astype(np.float64), 0, 1)
    with np.errstate(divide="ignore"):
        logits = np.log(chances)
        if classifier.multi_label:
            logits -= np.log1p(-chances)
    several = classifier.multi_label
    return probabilities(classifier.temperature * logits, several)


def rows(table: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """One value of each row."""
    return np.take_along_axis(table, columns[:, None], axis=1)[:, 0]
