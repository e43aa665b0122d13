"""Which knobs were turned and do nothing."""

from kerastricks.config.recipe import Recipe
from kerastricks.config.rules import STRENGTHS, USERS, cycles, mixers_on
from kerastricks.config.sections import (
    FIELD_OF,
    SECTION_OF,
    SECTIONS,
    Loss,
    Optimizer,
    Schedule,
)
from kerastricks.models.names import KNOBS, knobs

MODEL_KNOBS = set().union(*KNOBS.values())


def idle_knobs(recipe: Recipe) -> list[str]:
    """A line for each knob that was turned and does nothing in this run."""
    data, values = recipe.data, recipe.values()
    augment = recipe.augment
    records = data.data.startswith("tfrecord:")
    mixers = mixers_on(augment)
    jitters = any(augment.color_jitter) or augment.hue
    crop, kept = f"train_crop={data.train_crop}", f"cache={data.cache}"
    optimizer, schedule = recipe.optimizer, recipe.schedule
    choices = {
        Optimizer: f"opt={optimizer.opt}",
        Schedule: f"schedule={schedule.schedule}",
        Loss: f"loss={recipe.loss.loss}",
    }
    cases = (
        *(
            (choice, choice.partition("=")[2] not in USERS[name], name)
            for section, choice in choices.items()
            for name in USERS
            if SECTIONS[SECTION_OF[name]] is section
        ),
        (
            "label_smoothing=0",
            not recipe.loss.label_smoothing,
            "smoothing_law",
        ),
        *(
            ("no warm-up", not recipe.warmup_epochs(), name)
            for name in ("warmup", "warmup_lr", "warmup_inside")
        ),
        (
            f"schedule={schedule.schedule}, whose epochs are the run's",
            schedule.schedule in ("step", "multistep"),
            "warmup_inside",
        ),
        ("one_cycle's cycle_momentum", cycles(schedule), "momentum"),
        ("init_weights", bool(recipe.model.init_weights), "zero_gamma"),
        (
            "nothing whose strength could change",
            not scalable(recipe),
            "strength_schedule",
        ),
        (
            "the head alone all along",
            recipe.finetune.freeze_epochs == schedule.epochs,
            "unfreeze_every",
        ),
        ("one device", recipe.run.devices == 1, "sync_bn"),
        ("clip_grad=0", not optimizer.clip_grad, "clip_mode"),
        ("lookahead=0", not optimizer.lookahead, "lookahead_alpha"),
        ("sam=0", not optimizer.sam, "sam_every"),
        ("sam=0", not optimizer.sam, "asam"),
        ("ema=0", not optimizer.ema, "ema_warmup"),
        *(
            (crop, crop != "train_crop=rrc", name)
            for name in ("crop_area", "crop_aspect", "decode_scale")
        ),
        (crop, crop != "train_crop=pad", "crop_padding"),
        (crop, crop != "train_crop=pad", "crop_fill"),
        (kept, kept != "cache=none", "decode_scale"),
        ("one draw of an image", data.repeat_augment == 1, "repeat_augment"),
        ("data=shapes", data.data == "shapes", "val_fraction"),
        *(
            ("other data than tfrecord:", not records, name)
            for name in ("image_key", "label_key")
        ),
        *(
            ("data=arrays", data.data.startswith("arrays:"), name)
            for name in ("cache", "on_bad_image", "exif", "max_pixels")
        ),
        *(
            (f"model={recipe.model.model}", True, name)
            for name in sorted(MODEL_KNOBS - knobs(recipe.model.model))
        ),
        ("flip=0", not augment.flip, "flip_mode"),
        ("blur=0", not augment.blur, "blur_sigma"),
        ("neither color_jitter nor hue", not jitters, "jitter_clip"),
        ("neither color_jitter nor hue", not jitters, "jitter_order"),
        (
            "jitter_clip=end",
            jitters and augment.jitter_clip == "end",
            "jitter_order",
        ),
        ("cutout=0", not augment.cutout, "cutout_holes"),
        ("erasing=0", not augment.erasing, "erasing_law"),
        ("erasing=0", not augment.erasing, "erasing_fill"),
        ("grid_mask=0", not augment.grid_mask, "grid_mask_ratio"),
        ("no mixing trick", not mixers, "mix_prob"),
        ("fewer than two mixing tricks", len(mixers) < 2, "mix_switch"),
        *(
            (f"mix_switch={augment.mix_switch:g}", len(mixers) > 1, name)
            for name in unreached(mixers, augment.mix_switch)
        ),
        ("neither mixup nor cutmix", not {*mixers} - {"ricap"}, "mix_partner"),
        ("no mixing trick", not mixers, "mix_per"),
        (
            "ricap alone, always on",
            mixers == ["ricap"] and augment.mix_prob == 1,
            "mix_per",
        ),
    )
    return [
        f"{name}={values[name]} has no effect with {reason}"
        for reason, holds, name in cases
        if holds and values[name] != FIELD_OF[name].default
    ]


def scalable(recipe: Recipe) -> bool:
    """Whether something has a strength that strength_schedule changes."""
    values = recipe.values()
    named = any(values[name] not in (0, (0, 0, 0)) for name in STRENGTHS)
    return named or recipe.data.policy.startswith(("randaugment", "augmix"))


def doubts(recipe: Recipe) -> list[str]:
    """A line for each combination that works, but hardly as it is meant."""
    schedule, lines = recipe.schedule, []
    if recipe.loss.class_weights == recipe.data.sampler == "balanced":
        lines.append(
            "class_weights=balanced and sampler=balanced balance twice"
        )
    knobs = recipe.optimizer
    if cycles(schedule) and knobs.opt in USERS["betas"] and any(knobs.betas):
        lines.append("one_cycle's cycle_momentum replaces the first of betas")
    if schedule.schedule == "cosine_restarts":
        left = schedule.epochs - recipe.warmup_epochs()
        length = schedule.cycle_epochs
        while left > length + 1e-6:
            left, length = left - length, length * schedule.cycle_mult
        if left < length - 1e-6:
            lines.append(
                f"the run ends within a cycle, after {left:g} of its "
                f"{length:g} epochs: its learning rate is then not at its end"
            )
    return lines


def unreached(mixers: list[str], switch: float) -> list[str]:
    """The mixing tricks that a switch of 0 or 1 leaves none of the batches."""
    if switch == 0:
        return mixers[1:]
    return mixers[:1] if switch == 1 else []
