"""The tricks of a batch, in turn and compiled together."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from kerastricks.augment.color import ColorTrick, change_colors
from kerastricks.augment.trick import BatchTrick
from kerastricks.backend import fused


@dataclasses.dataclass(frozen=True)
class Augment:
    """Runs tricks one after the other, evaluation's alone outside training.

    Colour tricks that stand side by side become one matrix and one pass, and
    all is compiled, whatever the step around it is (docs/results.md says what
    that gives). A trick that stands twice draws the same numbers twice.

    Args:
        tricks: in the order in which they act, colour tricks not after
            Normalize.

    Example:
        augment = Augment([RandomFlip(), Normalize(), MixUp(0.2)])
        images, labels = augment(images, labels, keys)
    """

    tricks: Sequence[BatchTrick]

    def __post_init__(self) -> None:
        colors = [one for one in self.tricks if isinstance(one, ColorTrick)]
        for before, trick in itertools.pairwise(colors):
            if not before.training_only:
                raise ValueError(
                    "colour tricks act on 0..255, so before the normalisation. "
                    f"Received: {trick} after {before}"
                )

    @property
    def mixes(self) -> bool:
        """Whether a trick blends samples."""
        return any(trick.mixes for trick in self.tricks)

    def __call__(
        self, images: Any, labels: Any, keys: Any, training: bool = True
    ) -> tuple[Any, Any]:
        if len(images.shape) != 4:
            raise ValueError(
                "images must be a batch, [B, H, W, 3]: .batch() comes before "
                f".map(). Received: images {tuple(images.shape)}"
            )
        if not training:
            lasting = [
                trick for trick in self.tricks if not trick.training_only
            ]
            return in_turn(lasting, images, labels, keys)
        for part in self.compiled:
            images, labels = part(images, labels, keys)
        return images, labels

    @functools.cached_property
    def compiled(self) -> list[Any]:
        """A function for the tricks that keep images apart, one for mixing.

        Mixing reads each image twice; in one function the compiler would do all
        that comes before twice, too, instead of writing it down.
        """
        return [
            fused(functools.partial(in_turn, list(part)))
            for _, part in itertools.groupby(
                self.tricks, lambda trick: trick.mixes
            )
        ]

    def without_mixing(self) -> "Augment":
        """The same without the tricks that blend samples."""
        return Augment([trick for trick in self.tricks if not trick.mixes])


def in_turn(
    tricks: Sequence[BatchTrick], images: Any, labels: Any, keys: Any
) -> tuple[Any, Any]:
    """(images, labels) after these tricks."""
    for group in groups(tricks):
        if len(group) > 1:
            images = change_colors(group, images, keys)
        else:
            images, labels = group[0](images, labels, keys)
    return images, labels


def groups(tricks: Sequence[BatchTrick]) -> Iterator[list[Any]]:
    """Neighbours that become one matrix; every other trick by itself."""
    for composes, group in itertools.groupby(
        tricks,
        lambda trick: isinstance(trick, ColorTrick) and trick.composes,
    ):
        if composes:
            yield list(group)
        else:
            yield from ([trick] for trick in group)
