"""Which knobs contradict each other."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerastricks.call_text import split_outside
from kerastricks.config.sections import Augment, Distill, Schedule
from kerastricks.config.texts import (
    along_run,
    class_weights,
    normalization,
    numbers,
)

if TYPE_CHECKING:
    from kerastricks.config.recipe import Recipe

Broken = Iterator[tuple[str, tuple[str, ...]]]  # (rule, leaves involved)


MIXERS = ("mixup", "cutmix", "ricap")


# Strengths of what changes an image by chance.
RANDOM = (
    *("flip", "vflip", "translate", "blur", "hue", "grayscale", "pca_noise"),
    *("cutout", "erasing", "grid_mask", "hide_and_seek", "mixup", "cutmix"),
    "ricap",
)


# What a factor of the augmentation's strength multiplies.
STRENGTHS = (
    *("color_jitter", "hue", "pca_noise", "grayscale", "blur", "erasing"),
    *("grid_mask", "hide_and_seek", "mixup", "cutmix", "ricap"),
)


LAWS = ("auto", "uniform", "others", "half")


ADAMS = ("adam", "adamw", "adabound", "amsbound", "lamb", "muon")


# Which values of opt, schedule and loss have a use for a leaf.
USERS = {
    "momentum": ("sgd", "lars", "rmsprop", "muon"),
    "nesterov": ("sgd", "muon"),
    "sgd_semantics": ("sgd",),
    "betas": (*ADAMS, "lion"),
    "opt_eps": (*ADAMS, "rmsprop", "lars"),
    "final_lr": ("adabound", "amsbound"),
    "bound_gamma": ("adabound", "amsbound"),
    "trust_coefficient": ("lars",),
    "min_lr": (
        *("cosine", "cosine_restarts", "flat_cosine", "linear"),
        *("polynomial", "tanh"),
    ),
    "decay_epochs": ("step", "exponential"),
    "decay_milestones": ("multistep",),
    "decay_rate": ("step", "multistep", "exponential"),
    "poly_power": ("polynomial",),
    "cycle_epochs": ("cosine_restarts",),
    "cycle_mult": ("cosine_restarts",),
    "cycle_decay": ("cosine_restarts",),
    "flat_share": ("flat_cosine",),
    "pct_start": ("one_cycle",),
    "cycle_momentum": ("one_cycle",),
    "bce_target_thresh": ("sigmoid",),
    "bce_sum": ("sigmoid",),
    "focal_gamma": ("focal",),
}


def broken_rules(recipe: "Recipe") -> Broken:
    """(rule, leaves involved) of each contradiction."""
    yield from broken_inputs(recipe)
    yield from broken_optimization(recipe)
    yield from broken_devices(recipe)
    yield from broken_schedule(recipe)
    yield from broken_phases(recipe)
    yield from broken_teaching(recipe)


def broken_inputs(recipe: "Recipe") -> Broken:
    """The same of data and augmentation."""
    data, augment, schedule = recipe.data, recipe.augment, recipe.schedule
    if data.sample_fraction == 0:
        yield "sample_fraction must be above 0", ("sample_fraction",)
    for name, (low, high) in (
        ("crop_area", data.crop_area),
        ("crop_aspect", data.crop_aspect),
        ("blur_sigma", augment.blur_sigma),
    ):
        if not 0 < low <= high:
            yield f"{name} must be 0 < smallest <= largest", (name,)
    if recipe.warmup_epochs() > schedule.epochs:
        yield (
            "the warm-up must not be longer than the run",
            ("warmup_epochs", "epochs"),
        )
    if -1 < schedule.warmup_epochs < 0:
        yield "warmup_epochs must be -1 or at least 0", ("warmup_epochs",)
    if augment.flip_mode == "alternate" and augment.flip not in (0, 0.5):
        yield (
            "flips that alternate are half of all: flip=0.5",
            ("flip_mode", "flip"),
        )
    if augment.flip_mode == "alternate" and (
        data.repeat_augment > 1 or data.sampler != "uniform"
    ):
        yield (
            "flips that alternate need every image once an epoch",
            ("flip_mode", "repeat_augment", "sampler"),
        )
    if augment.cutout == 1:
        yield "cutout must be 0 or at least 2", ("cutout",)
    mixing = mixers_on(augment)
    if mixing and not augment.mix_prob:
        yield "mix_prob must be above 0 to mix at all", ("mix_prob", *MIXERS)
    if data.repeat_augment > 1 and augment.mix_partner == "roll" and mixing:
        yield (
            "mix_partner=roll mixes an image with itself where a batch repeats "
            "it",
            ("mix_partner", "repeat_augment"),
        )
    if augment.mix_off_epochs and not mixing:
        yield (
            "mix_off_epochs needs a mixing trick to switch off",
            ("mix_off_epochs", *MIXERS),
        )
    if augment.mix_off_epochs >= schedule.epochs and mixing:
        yield (
            "mixing must be on for at least one epoch",
            ("mix_off_epochs", "epochs"),
        )
    if data.data_service and data.cache != "none":
        yield (
            "a tf.data service reads the files by itself, without a cache",
            ("data_service", "cache"),
        )
    if augment.normalize != "dataset":
        normalization(augment.normalize)
    if recipe.loss.class_weights not in ("", "balanced"):
        class_weights(recipe.loss.class_weights)
    if data.repeat_augment > data.batch_size:
        yield (
            "a batch must have room for the repetitions of an image",
            ("repeat_augment", "batch_size"),
        )


def broken_optimization(
    recipe: "Recipe",
) -> Broken:
    """(rule, leaves involved) of each contradiction in loss and step."""
    loss, optimizer, schedule = recipe.loss, recipe.optimizer, recipe.schedule
    usable = {
        "softmax": ("auto", "uniform", "others"),
        "sigmoid": ("auto", "uniform", "half"),
        "focal": ("auto", "uniform"),
    }
    if loss.smoothing_law not in usable.get(loss.loss, LAWS):
        yield (
            f"loss={loss.loss} smooths by one of "
            f"{', '.join(usable[loss.loss])}",
            ("loss", "smoothing_law"),
        )
    if loss.jsd and loss.loss not in ("auto", "softmax"):
        yield "jsd goes with loss=softmax", ("jsd", "loss")
    if loss.jsd and loss.smoothing_law not in ("auto", "uniform"):
        yield "jsd smooths uniformly", ("jsd", "smoothing_law")
    if loss.jsd and loss.class_weights:
        yield "jsd has no class weights", ("jsd", "class_weights")
    if loss.jsd and not recipe.data.policy:
        yield "jsd needs a policy that makes the views", ("jsd", "policy")
    if loss.jsd and mixers_on(recipe.augment):
        yield "jsd needs images that are not mixed", ("jsd", *MIXERS)
    if loss.jsd and recipe.data.repeat_augment > 1:
        yield "jsd has its own views of an image", ("jsd", "repeat_augment")
    if optimizer.lr_groups and optimizer.learning_rate:
        yield (
            "lr_groups gives the learning rates: leave learning_rate out",
            ("lr_groups", "learning_rate"),
        )
    if optimizer.lr_groups and optimizer.layer_decay < 1:
        yield (
            "learning rates fall by lr_groups or by layer_decay",
            ("lr_groups", "layer_decay"),
        )
    for name in ("momentum", "weight_decay"):
        if -1 < getattr(optimizer, name) < 0:
            yield f"{name} must be -1 or at least 0", (name,)
    if optimizer.opt in USERS["nesterov"]:
        if optimizer.nesterov and not optimizer.momentum:
            yield "nesterov needs momentum", ("nesterov", "momentum")
    if optimizer.ema and optimizer.swa_epochs:
        yield "the weights have one average", ("ema", "swa_epochs")
    if optimizer.swa_epochs > schedule.epochs:
        yield (
            "swa_epochs must not exceed the run's epochs",
            ("swa_epochs", "epochs"),
        )
    if optimizer.recalibrate_bn and not (optimizer.ema or optimizer.swa_epochs):
        yield (
            "recalibrate_bn needs an average of the weights",
            ("recalibrate_bn", "ema", "swa_epochs"),
        )
    if -1 < loss.bce_target_thresh < 0:
        yield (
            "bce_target_thresh must be -1 or at least 0",
            ("bce_target_thresh",),
        )


def broken_schedule(recipe: "Recipe") -> Broken:
    """The same of the learning rate along the run."""
    schedule, peak = recipe.schedule, recipe.peak_learning_rate()
    if schedule.schedule in ("one_cycle", "triangle") and (
        schedule.warmup_epochs > 0
    ):
        yield (
            f"{schedule.schedule} is its own warm-up",
            ("schedule", "warmup_epochs"),
        )
    if schedule.warmup != "linear" and not schedule.warmup_lr:
        yield (
            f"a warm-up that is {schedule.warmup} begins above 0",
            ("warmup", "warmup_lr"),
        )
    for name in ("min_lr", "warmup_lr"):
        if getattr(schedule, name) > peak:
            yield (
                f"{name} must not exceed the peak of the learning rate, here "
                f"{peak:g}",
                (name, "learning_rate", "batch_size"),
            )
    milestones = numbers(schedule.decay_milestones, "decay_milestones")
    if schedule.schedule == "multistep" and not (
        milestones and list(milestones) == sorted(set(milestones))
    ):
        yield (
            "decay_milestones must be epochs, each later than the one before",
            ("decay_milestones",),
        )
    if schedule.schedule == "multistep" and milestones[-1:] > (
        schedule.epochs,
    ):
        yield (
            "decay_milestones must lie within the run",
            ("decay_milestones", "epochs"),
        )
    if schedule.schedule == "step" and schedule.decay_epochs >= schedule.epochs:
        yield (
            "schedule=step never falls unless decay_epochs is below epochs",
            ("decay_epochs", "epochs"),
        )
    if schedule.schedule == "exponential" and not schedule.decay_rate:
        yield "exponential never comes to 0", ("schedule", "decay_rate")
    low, high = reversed(schedule.cycle_momentum)
    if low > high:
        yield (
            "cycle_momentum must be highest,lowest",
            ("cycle_momentum",),
        )


def broken_phases(recipe: "Recipe") -> Broken:
    """The same of what changes along the run."""
    plan, knobs, data = recipe.schedule, recipe.finetune, recipe.data
    started = recipe.model.init_weights or knobs.finetune
    if not started:
        for name, why in (
            ("freeze_bn", "batch norm can only be frozen at"),
            ("freeze_epochs", "a head alone learns something only behind"),
            ("new_head", "a new head replaces one of"),
        ):
            if recipe.values()[name]:
                yield (
                    f"{why} weights that are given",
                    (name, "finetune", "init_weights"),
                )
    alone = knobs.freeze_epochs + knobs.head_epochs
    if alone == plan.epochs and not started:
        yield (
            "a head alone learns something only behind weights that are given",
            ("head_epochs", "finetune", "init_weights"),
        )
    if alone > plan.epochs:
        yield (
            "freeze_epochs and head_epochs together must not exceed epochs",
            ("freeze_epochs", "head_epochs", "epochs"),
        )
    if knobs.unfreeze_every and not knobs.freeze_epochs:
        yield (
            "gradual unfreezing begins with the head alone",
            ("unfreeze_every", "freeze_epochs"),
        )
    for name in ("resize_schedule", "batch_schedule", "strength_schedule"):
        steps = along_run(getattr(plan, name), name)
        first = [round(share * plan.epochs) for share, _ in steps]
        if len({*first, plan.epochs}) <= len(first):
            yield "each value must hold for an epoch", (name, "epochs")
        if name != "strength_schedule" and any(v % 1 for _, v in steps):
            yield f"{name} has whole numbers", (name,)
        if name == "batch_schedule":
            yield from broken_batches(recipe, [int(v) for _, v in steps])
    if (
        plan.resize_schedule
        and data.cache != "none"
        and data.train_crop != "rrc"
    ):
        yield (
            f"a cache keeps images of one size with train_crop="
            f"{data.train_crop}: leave it out, or train_crop=rrc",
            ("resize_schedule", "cache", "train_crop"),
        )


def broken_devices(recipe: "Recipe") -> Broken:
    """The same of a batch that is divided."""
    optimizer = recipe.optimizer
    if recipe.data.batch_size % parts_of(recipe):
        yield (
            "devices and accumulate must divide the batch into equal parts",
            ("devices", "accumulate", "batch_size"),
        )
    branches = optimizer.sam and optimizer.sam_every > 1
    if (
        recipe.model.sync_bn
        and recipe.run.devices != 1
        and recipe.run.backend == "tensorflow"
        and (optimizer.accumulate > 1 or branches)
    ):
        yield (
            "TensorFlow's devices cannot wait for each other within a loop or "
            "a branch of a step: sync_bn goes with accumulate=1 and "
            "sam_every=1 there",
            ("sync_bn", "devices", "accumulate", "sam_every"),
        )


def parts_of(recipe: "Recipe") -> int:
    """Into how many a step divides its batch, as far as that is known yet."""
    return max(1, recipe.run.devices) * recipe.optimizer.accumulate


def broken_batches(recipe: "Recipe", sizes: list[int]) -> Broken:
    """The same of batches along the run."""
    parts, room = parts_of(recipe), recipe.data.repeat_augment
    for size in sizes:
        if size % parts:
            yield (
                "devices and accumulate must divide each batch into equal "
                "parts",
                ("devices", "accumulate", "batch_schedule"),
            )
        if size < room:
            yield (
                "a batch must have room for the repetitions of an image",
                ("repeat_augment", "batch_schedule"),
            )


def broken_teaching(recipe: "Recipe") -> Broken:
    """The same of the teachers."""
    distill = recipe.distill
    if not distill.teacher:
        for field in dataclasses.fields(Distill):
            if getattr(distill, field.name) != field.default:
                yield (
                    "distillation needs a teacher",
                    (field.name, "teacher"),
                )
        return
    if distill.teacher == "ema" and not recipe.optimizer.ema:
        yield "teacher=ema needs that average", ("teacher", "ema")
    left = distill.hard_weight >= 1 and distill.soft_weight < 0
    if (left or not distill.soft_weight) and not distill.distill_features:
        yield (
            "the teacher must weigh something: with a hard_weight of 1 or more "
            "give soft_weight, in the paper 1",
            ("hard_weight", "soft_weight"),
        )
    if distill.hard_weight > 1 and distill.soft_weight < 0:
        yield (
            "a hard_weight above 1 leaves less than nothing: give soft_weight",
            ("hard_weight", "soft_weight"),
        )
    teachers = split_outside(distill.teacher)
    if "ema" in teachers and len(teachers) > 1:
        yield "ema teaches alone", ("teacher",)
    if len(teachers) > 1 and distill.distill_features:
        yield (
            "features are learnt from one teacher",
            ("distill_features", "teacher"),
        )
    if -1 < distill.soft_weight < 0:
        yield "soft_weight must be -1 or at least 0", ("soft_weight",)
    if recipe.loss.jsd:
        yield "jsd goes without a teacher", ("jsd", "teacher")
    if distill.teacher == "ema" and (
        distill.distill_features or distill.cache_teacher
    ):
        yield (
            "an average changes, and has the student's features",
            ("teacher", "distill_features", "cache_teacher"),
        )
    if distill.cache_teacher and distill.distill_features:
        yield (
            "cache_teacher keeps logits, no features",
            ("cache_teacher", "distill_features"),
        )
    changing = restless(recipe)
    if distill.cache_teacher and changing:
        yield (
            "cache_teacher needs images that are the same in every epoch",
            ("cache_teacher", *changing),
        )


def cycles(schedule: Schedule) -> bool:
    """Whether momentum goes up and down instead of staying as given."""
    return schedule.schedule == "one_cycle" and schedule.cycle_momentum[0] > 0


def restless(recipe: "Recipe") -> list[str]:
    """The leaves because of which an image changes from epoch to epoch."""
    values = recipe.values()
    return [
        name
        for name, still in (
            ("train_crop", "center"),
            ("policy", ""),
            ("resize_schedule", ""),
            ("color_jitter", (0.0, 0.0, 0.0)),
            *((name, 0) for name in RANDOM),
        )
        if values[name] != still
    ]


def mixers_on(augment: Augment) -> list[str]:
    """The mixing tricks that are on, in order."""
    return [name for name in MIXERS if getattr(augment, name)]
