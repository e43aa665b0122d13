"""What happens to the cropped uint8 square on the host, by --policy's text.

    autoaugment-imagenet | -cifar | -svhn
    randaugment-n2-m9      operations for an image, their strength of 0 to 30
    trivialaugment
    augmix-s3-w3-d0        severity, chains, their length (0 draws 1 to 3)
    3augment
    keras_cv:GridMask      any augmentation layer of keras-cv

A policy is a function (uint8 [S, S, 3], int32 [2] key) -> uint8 [S, S, 3].
"""

import dataclasses
import difflib
import re
from collections.abc import Callable
from typing import Any

from kerastricks.data.policies.augmix import AugMix
from kerastricks.data.policies.autoaugment import POLICIES, AutoAugment
from kerastricks.data.policies.keras_cv import KerasCv
from kerastricks.data.policies.randaugment import BINS, RandAugment
from kerastricks.data.policies.three_augment import ThreeAugment
from kerastricks.data.policies.trivialaugment import TrivialAugment
from kerastricks.errors import InputError

__all__ = [
    "AugMix",
    "AutoAugment",
    "KerasCv",
    "RandAugment",
    "ThreeAugment",
    "TrivialAugment",
    "at_strength",
    "create",
]

Policy = Callable[[Any, Any], Any]
# Name -> (class, letters of its numbers and what they are called in it).
NUMBERED: dict[str, tuple[Callable[..., Policy], dict[str, str]]] = {
    "randaugment": (RandAugment, {"n": "num_ops", "m": "magnitude"}),
    "trivialaugment": (TrivialAugment, {}),
    "augmix": (AugMix, {"s": "severity", "w": "width", "d": "depth"}),
    "3augment": (ThreeAugment, {}),
}
CHOICES = (
    [f"autoaugment-{name}" for name in POLICIES]
    + ["randaugment-n2-m9", "trivialaugment", "augmix-s3-w3", "3augment"]
    + ["keras_cv:NAME"]
)


def create(text: str) -> Policy | None:
    """The policy that a text stands for; an empty one for none.

    Example:
        policy = create("randaugment-n2-m9")
        image = policy(image, key=tf.constant([0, 1]))
    """
    if not text:
        return None
    if text.startswith("keras_cv:"):
        return KerasCv(text.partition(":")[2])
    name, *parts = text.split("-")
    if name == "autoaugment":
        return AutoAugment("-".join(parts) or "imagenet")
    if name in NUMBERED:
        made, letters = NUMBERED[name]
        return made(**numbers(text, parts, letters))
    raise InputError(
        f"policy must be {', '.join(CHOICES)} or empty{hint(text)}. "
        f"Received: policy={text}"
    )


def at_strength(policy: Policy | None, factor: float) -> Policy | None:
    """The policy with another strength, where it has one.

    RandAugment's magnitude and AugMix's severity, rounded; others stay.
    """
    if isinstance(policy, RandAugment):
        strength = min(round(policy.magnitude * factor), BINS - 1)
        return dataclasses.replace(policy, magnitude=strength)
    if isinstance(policy, AugMix):
        strength = min(max(round(policy.severity * factor), 1), 10)
        return dataclasses.replace(policy, severity=strength)
    return policy


def numbers(
    text: str, parts: list[str], letters: dict[str, str]
) -> dict[str, int]:
    """What `n2`, `m9` say, by the names of a policy's arguments."""
    found = {}
    for part in parts:
        match = re.fullmatch(r"([a-z])(\d+)", part)
        if not match or match[1] not in letters or letters[match[1]] in found:
            known = " and ".join(f"-{letter}NUMBER" for letter in letters)
            raise InputError(
                f"after its name this policy takes {known or 'nothing'}, each "
                f"once{hint(text)}. Received: policy={text}"
            )
        found[letters[match[1]]] = int(match[2])
    return found


def hint(text: str) -> str:
    """What was probably meant."""
    if text.startswith("rand-"):
        # timm counts to 10 and leaves each operation out half of the time.
        return (
            "; timm's rand-mM-nN is another law, the nearest is "
            "randaugment-nN with an m about three times as large"
        )
    near = difflib.get_close_matches(text.lower(), CHOICES, n=1, cutoff=0.4)
    return f"; did you mean {near[0]}?" if near else ""
