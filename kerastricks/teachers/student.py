"""What a teacher must fit."""

import dataclasses
from collections.abc import Sequence

from kerastricks.augment import Normalize
from kerastricks.errors import InputError


@dataclasses.dataclass(frozen=True)
class Student:
    """Whom a teacher has before it.

    Args:
        class_names: in the order of the labels.
        image_size: of the images.
        normalize: what has normalised them.
        precision: the policy that teachers compute in as well.
    """

    class_names: tuple[str, ...]
    image_size: int
    normalize: Normalize
    precision: str = "float32"

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def check_names(self, names: Sequence[str], teacher: str) -> None:
        """Refuses other classes, and the same ones in another order."""
        self.check_count(len(names), teacher)
        pairs = zip(names, self.class_names, strict=True)
        for place, (theirs, ours) in enumerate(pairs):
            if theirs != ours:
                raise InputError(
                    "a teacher must have the student's classes, in their "
                    f"order. Received: teacher={teacher}, class {place} is "
                    f"{theirs} there and {ours} here"
                )

    def check_count(self, classes: int | None, teacher: str) -> None:
        """The same where a teacher's classes have no names."""
        if classes != self.num_classes:
            raise InputError(
                "a teacher must have the student's classes. Received: "
                f"teacher={teacher} with {classes} classes, the student has "
                f"{self.num_classes}"
            )
