"""What every batch trick is."""

import dataclasses
from collections.abc import Iterable
from typing import Any


@dataclasses.dataclass(frozen=True)
class BatchTrick:
    """(images, labels, keys) -> (images, labels), traced inside the step.

    A trick is a value: its arguments are its fields, it keeps no state, and all
    that it draws comes from the keys.

    Args of the call:
        images: [B, H, W, 3] uint8, or float32 once normalised.
        labels: float32 [B, C]; rows keep their mass.
        keys: int32 [B, 2].
    """

    # Tricks that evaluation needs too (normalisation) say False.
    training_only = True
    # Tricks that blend samples with each other say True.
    mixes = False
    # Tricks that read the parity in a key (see data.pipeline) say True: keys
    # that only count calls have none.
    needs_parity = False

    def __call__(self, images: Any, labels: Any, keys: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "BatchTrick":
        # JSON has no tuples.
        return cls(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in config.items()
            }
        )


@dataclasses.dataclass(frozen=True)
class ImageTrick(BatchTrick):
    """A trick that leaves the labels alone."""

    def change(self, images: Any, keys: Any) -> Any:
        """Other images of the same shape."""
        raise NotImplementedError

    def __call__(
        self, images: Any, labels: Any = None, keys: Any = None
    ) -> tuple[Any, Any]:
        return self.change(images, keys), labels


def refuse_parity(tricks: Iterable[BatchTrick]) -> None:
    """For keys that count calls: refuses tricks that need more of a key."""
    for trick in tricks:
        if trick.needs_parity:
            raise ValueError(
                "flips that alternate need batches with the keys of "
                f"data.pipeline. Received: {trick}"
            )


def check_labels(labels: Any) -> None:
    """Refuses labels that cannot be mixed."""
    if labels is None or len(labels.shape) != 2:
        shape = None if labels is None else tuple(labels.shape)
        raise ValueError(
            "labels must be shares of classes, [B, C], to be mixed. "
            f"Received: labels {shape}"
        )
