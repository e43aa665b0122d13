"""The tricks on a batch, in the order in which they act."""

from collections.abc import Iterator

from kerastricks import config
from kerastricks.augment import (
    Augment,
    BatchTrick,
    ColorJitter,
    CutMix,
    Cutout,
    GaussianBlur,
    GridMask,
    HideAndSeek,
    MixSwitch,
    MixUp,
    Normalize,
    PcaNoise,
    RandomErasing,
    RandomFlip,
    RandomGrayscale,
    RandomTranslate,
    Ricap,
)
from kerastricks.config import Recipe, normalization
from kerastricks.errors import InputError


def normalizer(recipe: Recipe) -> Normalize:
    """The part of the augmentation that evaluation shares."""
    return Normalize(*normalization(recipe.augment.normalize))


def augment(recipe: Recipe) -> Augment:
    """The batch tricks that are on, in the order in which they act."""
    knobs = recipe.augment
    return Augment(
        [
            *moves(knobs),
            *colors(knobs),
            normalizer(recipe),
            *erasers(knobs),
            *mixers(knobs),
        ]
    )


def moves(knobs: config.Augment) -> Iterator[BatchTrick]:
    """What acts on bytes: where pixels come from."""
    if knobs.flip:
        yield RandomFlip(knobs.flip, alternate=knobs.flip_mode == "alternate")
    if knobs.vflip:
        yield RandomFlip(knobs.vflip, axis="vertical")
    if knobs.translate:
        yield RandomTranslate(knobs.translate)
    if knobs.blur:
        yield GaussianBlur(knobs.blur, knobs.blur_sigma)


def colors(knobs: config.Augment) -> Iterator[BatchTrick]:
    """What becomes one matrix with the normalisation."""
    if any(knobs.color_jitter) or knobs.hue:
        yield ColorJitter(
            *knobs.color_jitter,
            hue=knobs.hue,
            order=knobs.jitter_order,
            clip=knobs.jitter_clip,
        )
    if knobs.grayscale:
        yield RandomGrayscale(knobs.grayscale)
    if knobs.pca_noise:
        yield PcaNoise(knobs.pca_noise)


def erasers(knobs: config.Augment) -> Iterator[BatchTrick]:
    """What replaces pixels of normalised images."""
    if knobs.cutout:
        yield Cutout(knobs.cutout, knobs.cutout_holes)
    if knobs.erasing:
        yield RandomErasing(
            knobs.erasing, law=knobs.erasing_law, fill=knobs.erasing_fill
        )
    if knobs.grid_mask:
        yield GridMask(knobs.grid_mask, knobs.grid_mask_ratio)
    if knobs.hide_and_seek:
        yield HideAndSeek(knobs.hide_and_seek)


def mixers(knobs: config.Augment) -> Iterator[BatchTrick]:
    """What blends samples: one trick, or a choice of several."""
    how = knobs.mix_per, knobs.mix_partner
    several: list[BatchTrick] = []
    if knobs.mixup:
        several.append(MixUp(knobs.mixup, *how))
    if knobs.cutmix:
        several.append(CutMix(knobs.cutmix, *how))
    if knobs.ricap:
        several.append(Ricap(knobs.ricap))
    if len(several) > 1 or (several and knobs.mix_prob < 1):
        yield MixSwitch(
            tuple(several), knobs.mix_prob, knobs.mix_switch, knobs.mix_per
        )
    else:
        yield from several


def refuse_large(knobs: config.Augment, image_size: int) -> None:
    """Tricks measured in pixels must leave something of the image."""
    for name in ("translate", "cutout"):
        pixels = getattr(knobs, name)
        if pixels >= image_size:
            raise InputError(
                f"{name} must be below the image's size of {image_size} "
                f"pixels. Received: {name}={pixels}"
            )
