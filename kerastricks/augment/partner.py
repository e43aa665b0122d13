"""Whom a sample is mixed with, and for how many samples a draw holds.

What the mixing tricks share. The partner is found by a permutation of the
batch (the papers), by moving it on by one (`roll`, torchvision) or from its
other end (`reverse`, GluonCV and timm; the one in the middle of an odd batch
stays alone). A weight or a box is drawn once for the `batch` (the papers) or
for each `sample` (fast.ai, Keras).
"""

from typing import Any

from keras import ops

from kerastricks.augment import draws
from kerastricks.checks import check_choice, check_positive

PARTNERS = ("permutation", "roll", "reverse")
PER = ("batch", "sample")


def partners(keys: Any, purpose: str, partner: str) -> Any:
    """int [B]: the place of each sample's partner."""
    if partner == "permutation":
        return draws.permutation(keys, purpose)
    places = ops.arange(ops.shape(keys)[0], dtype="int32")
    return ops.roll(places, 1) if partner == "roll" else ops.flip(places)


def drawn_per(keys: Any, purpose: str, per: str, count: int = 1) -> Any:
    """[1, count] uniform draws for the batch, or [B, count]."""
    return draws.uniform(keys[:1] if per == "batch" else keys, purpose, count)


def check_mixing(alpha: float, per: str, partner: str) -> None:
    """Refuses what no mixing trick takes."""
    check_positive(alpha=alpha)
    check_choice(PER, per=per)
    check_choice(PARTNERS, partner=partner)
