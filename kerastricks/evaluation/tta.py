"""Test-time augmentation: several views of each picture, one answer.

    scores = sum_v w_v s(z_v)     by mean, w adding up to 1
    scores = max_v s(z_v)         by max

z_v: logits of view v; s: softmax (sigmoid where images may have several
classes), or nothing for averages of logits.

    center        the centre square that evaluation always takes
    center+N      it and N random training views; fast.ai's has four. By mean
                  w = beta for the centre and (1 - beta) / N for each other:
                  torch.lerp(mean of the random, centre, beta). By max the
                  centre is one of the views, as in fast.ai, and beta idle.
    flip          the centre and its mirror image
    fivecrop      the corners of the resized picture and its centre
    tencrop       these, and those of the mirrored picture
    multiscale    the centre at .875, 1 and 1.125 times the side, each cut anew
                  from the picture; multiscale=0.8/1/1.2 for others

Paper: center+N is `Learner.tta` of fast.ai, version 2; crops Krizhevsky et al.
    2012; mirrors and scales arXiv 1409.1556, section 3.2.
Acts on: a finished network, in evaluation or in the SavedModel.
Cost: n views are n times the work of an answer; nothing in training.
Hurts: `flip` where left and right mean something; corners where the subject
    fills the picture (they cut it off); random views of strong training crops
    (--crop_area=0.08,1) may miss the subject altogether. Any average also
    turns some right answers wrong (arXiv 2011.11156), more of them if training
    never showed such views. Averages of probabilities are less sure of
    themselves than their parts: look at ece before and after.
Differs from Keras: there is none.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from kerastricks.checks import check_choice
from kerastricks.errors import InputError
from kerastricks.evaluation.averaging import BY, OF, averaged_logits

BETA = 0.25  # fast.ai's
SCALES = (0.875, 1.0, 1.125)
SMALL, STRIDE, SMALL_STRIDE = 64, 8, 4  # pixels
CORNERS = {  # in torchvision's order: (row, column), 0 first, 1 last
    "top left": (0.0, 0.0),
    "top right": (0.0, 1.0),
    "bottom left": (1.0, 0.0),
    "bottom right": (1.0, 1.0),
    "centre": (0.5, 0.5),
}


@dataclasses.dataclass(frozen=True)
class View:
    """One way to look at a picture.

    Args:
        weight: in the mean of all.
        row, column: where the square lies, from 0 (first) to 1 (last).
        mirror: `square` once it is cut, or `picture` before: the two differ by
            a pixel where the centre lies between pixels.
        scale: of the square's side.
        draw: number of a random training view, from 1 on; 0 for the others.
    """

    name: str
    weight: float
    row: float = 0.5
    column: float = 0.5
    mirror: str = ""
    scale: float = 1.0
    draw: int = 0

    def side(self, size: int) -> int:
        """The square's, for networks made for this size.

        A scaled one is a multiple of 8 pixels, of 4 where images are small, as
        networks that halve them again and again like it.
        """
        if self.scale == 1:
            return size
        stride = STRIDE if size >= SMALL else SMALL_STRIDE
        return max(1, round(size * self.scale / stride)) * stride

    @property
    def of_square(self) -> bool:
        """Whether it can be had from evaluation's square alone."""
        centred = (self.row, self.column, self.scale) == (0.5, 0.5, 1.0)
        return centred and self.mirror != "picture" and not self.draw

    @property
    def is_center(self) -> bool:
        """Whether it is that very square."""
        return self.of_square and not self.mirror


@dataclasses.dataclass(frozen=True)
class Tta:
    """Which views, and how their logits become one.

    Args:
        kind: see above.
        of: `probabilities` or `logits`.
        by: `mean` or `max`.
        beta: weight of the centre beside random views.

    Example:
        tta = Tta("center+4")
        logits = tta.combined([at_the_centre, *at_random])
    """

    kind: str
    of: str = "probabilities"
    by: str = "mean"
    beta: float = BETA

    def __post_init__(self) -> None:
        check_choice(OF, tta_of=self.of)
        check_choice(BY, tta_by=self.by)
        if not 0 <= self.beta <= 1:
            raise ValueError(
                f"beta must be in [0, 1]. Received: beta={self.beta}"
            )
        _ = self.views  # which refuses what is no kind

    @property
    def views(self) -> tuple[View, ...]:
        """The centre first wherever there is no other order."""
        if self.kind.startswith("center+"):
            return random_views(self.kind, self.beta)
        name, _, given = self.kind.partition("=")
        if name == "multiscale":
            return scaled_views(self.kind, given)
        if self.kind not in FIXED:
            raise unknown(self.kind)
        places = FIXED[self.kind]
        return tuple(
            View(name, 1 / len(places), *place) for name, place in places
        )

    @property
    def weights(self) -> list[float]:
        """Of the views in the mean; they add up to 1."""
        return [view.weight for view in self.views]

    @property
    def random(self) -> bool:
        """Whether some views are drawn."""
        return any(view.draw for view in self.views)

    def combined(
        self, logits: Sequence[np.ndarray], multi_label: bool = False
    ) -> np.ndarray:
        """Logits [N, C] whose softmax (sigmoid) is the combination.

        Args:
            logits: [N, C] of each view.
        """
        return averaged_logits(
            logits,
            # A weight of 0 leaves a view out, also of the maximum.
            weights=self.weights if self.by == "mean" else None,
            of=self.of,
            by=self.by,
            multi_label=multi_label,
        )


def parse_tta(text: str, of: str = OF[0], by: str = BY[0]) -> Tta:
    """What --tta, --tta_of and --tta_by say.

    Example:
        parse_tta("center+4")
    """
    return Tta(text.strip(), of, by)


FIVE = tuple((name, (*place, "")) for name, place in CORNERS.items())
FIXED = {
    "center": FIVE[-1:],
    "flip": (FIVE[-1], ("centre mirrored", (0.5, 0.5, "square"))),
    "fivecrop": FIVE,
    "tencrop": FIVE
    + tuple(
        (f"{name} of the mirrored", (*place, "picture"))
        for name, place in CORNERS.items()
    ),
}


def random_views(kind: str, beta: float) -> tuple[View, ...]:
    """fast.ai's: the centre and some that training might have drawn."""
    count = kind.partition("+")[2]
    if not (count.isascii() and count.isdigit()) or int(count) < 1:
        raise unknown(kind)
    number = int(count)
    return (
        View("centre", beta),
        *(
            View(f"random {draw}", (1 - beta) / number, draw=draw)
            for draw in range(1, number + 1)
        ),
    )


def scaled_views(kind: str, given: str) -> tuple[View, ...]:
    """The centre at several sides."""
    try:
        scales = [float(part) for part in given.split("/")] if given else SCALES
    except ValueError:
        raise unknown(kind) from None
    if kind.endswith("=") or not all(0.25 <= scale <= 4 for scale in scales):
        raise unknown(kind)
    return tuple(
        View(f"scale {scale:g}", 1 / len(scales), scale=scale)
        for scale in scales
    )


def unknown(kind: str) -> InputError:
    """What is said of a kind that is none."""
    return InputError(
        "tta must be center, center+N with N at least 1, flip, fivecrop, "
        "tencrop, multiscale or multiscale=A/B/... with scales from .25 to 4. "
        f"Received: tta={kind}"
    )
