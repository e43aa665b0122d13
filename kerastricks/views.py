"""The views of test-time augmentation, cut and classified.

`evaluation.tta` says which views there are and how they become one answer; here
they are made by the functions that evaluation, training and serving cut with.

A random view is what training might have shown: the run's crop, its policy, and
those of its tricks that act on one image, moves and colours. Not what blends
images, whose answer would be about two; and not the erasers, which fast.ai's
transforms have not either: they keep a network from leaning on one part, while
here they would only take away some of what there is to see. Draws come from the
run's seed, the view's number and the image's place in its split.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks import build
from kerastricks.augment import (
    Augment,
    Cutout,
    GridMask,
    HideAndSeek,
    RandomErasing,
)
from kerastricks.config import Recipe
from kerastricks.data import policies, resize
from kerastricks.data.bad_images import naming_bad
from kerastricks.data.pipeline import (
    POLICY_KEY,
    finish,
    keys,
    plain,
    sampled,
)
from kerastricks.data.sources import Source
from kerastricks.data.squares import Squares
from kerastricks.errors import InputError
from kerastricks.evaluation.tta import Tta, View
from kerastricks.models.fuse import sides_of
from kerastricks.progress import Progress
from kerastricks.trained import Trained
from kerastricks.training import Learner

Tensor = Any
ERASERS = (Cutout, RandomErasing, GridMask, HideAndSeek)


def tta_logits(
    recipe: Recipe,
    classifier: Trained,
    splits: build.Splits,
    tta: Tta,
    plain: np.ndarray | None = None,
) -> np.ndarray:
    """float64 [N, C] of the validation images, in the source's order.

    Their softmax (sigmoid with several labels) is the views' combination. One
    pass over the images for each view, so that memory is that of evaluation.

    Args:
        recipe: the run's, which says how random views are drawn.
        plain: logits of evaluation's squares, if known: the centre view's.

    Example:
        classifier = trained.load(recipe, folder)
        splits = build.evaluation_data(recipe)
        logits = tta_logits(recipe, classifier, splits, parse_tta("flip"))
    """
    refuse_sides(classifier, tta)
    refuse_finished(splits.val, tta)
    seer = Seer(classifier.model, random_tricks(recipe))
    seer.compile()
    show = Progress("test-time views")
    found = []
    with naming_bad(splits.val, max_pixels=recipe.data.max_pixels):
        for view in tta.views:
            if plain is not None and view.is_center:
                found.append(plain)
            else:
                source, squares = splits.val, classifier.squares
                batches = view_batches(recipe, squares, source, view)
                found.append(seer.predict(batches, verbose=0))
            show(len(found), len(tta.views))
    warn_of_twins(tta, found)
    return tta.combined(found, classifier.multi_label)


class Seer(Learner):
    """Logits of squares as they are, or with keys as training changes them."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not isinstance(inputs, dict):
            return super().call(inputs, training=False)
        images, _ = self.augment(inputs["image"], None, inputs["key"])
        return self.model(images, training=False)


def random_tricks(recipe: Recipe) -> Augment:
    """The run's tricks on the device, those that act on one image alone."""
    tricks = build.augment(recipe).without_mixing().tricks
    return Augment([one for one in tricks if not isinstance(one, ERASERS)])


def view_batches(
    recipe: Recipe, squares: Squares, source: Source, view: View
) -> tf.data.Dataset:
    """Every image once, in order: uint8 squares, with keys if at random."""
    policy = policies.create(recipe.data.policy)

    def places(index: Tensor) -> tuple[Tensor, Tensor]:
        index = index[None]
        return index, keys(recipe.run.seed, view.draw, index, index)

    def square(index: Tensor, key: Tensor) -> Tensor:
        data = source.fetch(index)
        if not view.draw:
            return fixed_square(squares, source, data, view)
        image = squares.train(data, key, source.encoded)
        image = tf.ensure_shape(image, [squares.size, squares.size, 3])
        return policy(image, key ^ POLICY_KEY) if policy else image

    def wanted(inputs: dict[str, Tensor], label: Tensor) -> Any:
        return inputs if view.draw else inputs["image"]

    made = tf.data.Dataset.range(len(source)).map(plain(places))
    batch_size = recipe.evaluate.eval_batch_size or recipe.data.batch_size
    side = view.side(squares.size)
    batches = sampled(source, made, square, side, batch_size, False)
    return finish(batches.map(wanted))


def fixed_square(
    squares: Squares, source: Source, data: Tensor, view: View
) -> Tensor:
    """A view without draws of what a source has fetched."""
    if source.square:
        return mirrored(data) if view.mirror else data
    image = squares.decode(data) if source.encoded else data
    return view_square(squares, image, view)


def view_square(squares: Squares, images: Tensor, view: View) -> Tensor:
    """uint8 [..., S, S, 3] of whole pictures [H, W, 3] or [N, H, W, 3].

    torchvision's Resize and FiveCrop or TenCrop; the centre is evaluation's.
    """
    side = view.side(squares.size)

    def corner(height: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
        top = place(height - side, view.row)
        left = place(width - side, view.column)
        if view.mirror == "picture":
            left = width - side - left
        return top, left

    square = resize.square_of_resized(
        images,
        side,
        round(side / squares.eval_crop),
        corner,
        squares.eval_filter(),
    )
    return mirrored(square) if view.mirror else square


def place(room: Tensor, share: float) -> Tensor:
    """A corner: first, last, or in the middle, halves to even."""
    return resize.half(room) if share == 0.5 else room * int(share)


def mirrored(images: Tensor) -> Tensor:
    """Left and right change places; [..., W, 3]."""
    return tf.reverse(images, axis=[-2])


def refuse_sides(classifier: Trained, tta: Tta) -> None:
    """Views must have sides that the network takes, no two the same."""
    size = classifier.squares.size
    sides = [view.side(size) for view in tta.views]
    scaled = [view.side(size) for view in tta.views if view.scale != 1]
    if scaled and len(set(sides)) < len(sides):
        raise InputError(
            "scales must be far enough apart to give sides of their own. "
            f"Received: tta={tta.kind}, for {size} pixels "
            f"{', '.join(map(str, sides))}"
        )
    needed = sides_of(classifier.model)
    if any(side not in (None, own) for own in sides for side in needed):
        raise InputError(
            f"this network takes images of {needed[0]} pixels only, so without "
            f"other scales. Received: tta={tta.kind}"
        )


def refuse_finished(source: Source, tta: Tta) -> None:
    """From finished squares nothing but the centre can be cut."""
    if source.square and not all(view.of_square for view in tta.views):
        raise InputError(
            "these views are cut from whole pictures, of which the cache keeps "
            "evaluation's squares alone: open the data with cache=none. "
            f"Received: tta={tta.kind}"
        )


def warn_of_twins(tta: Tta, found: list[np.ndarray]) -> None:
    """Says so if some views show the same as others of every picture."""
    others = len({logits.tobytes() for logits in found})
    if others < len(found):
        print(
            f"warning    of {len(found)} views by tta={tta.kind} only {others} "
            "differ: with eval_crop=1 a square picture has no corners"
        )
