"""What really applies in a run, told before its first step.

Printed in a few lines and written to effective.json in full: which variables
are decayed, start at zero or are frozen, the learning rate along the run, the
size of the model, what `auto` came to.
"""

from typing import Any

import keras

from kerastricks import build
from kerastricks.call_text import split_outside
from kerastricks.config import Recipe, doubts, idle_knobs, normalization
from kerastricks.models import count_flops
from kerastricks.optimizers import Muon, decay_mask, layer_groups
from kerastricks.optimizers.base import Optimizer
from kerastricks.report.page import amount
from kerastricks.training import Distiller, Learner
from kerastricks.training.freezing import own_optimizer
from kerastricks.training.phases import epoch_at

POINTS = 10  # of the learning rate
# What --weight_decay is to the other optimizers.
DECAYS = {
    "adam": "in the gradient (torch.optim.Adam)",
    "adamw": "beside the step, times the learning rate (torch.optim.AdamW)",
    "lion": "beside the step, times the learning rate",
    "muon": "beside the step, times the learning rate",
    "rmsprop": "in the gradient (torch.optim.RMSprop)",
    "adabound": "in the gradient",
    "amsbound": "in the gradient",
    "lars": "within the trust ratio",
    "lamb": "within the trust ratio",
}


def describe(
    recipe: Recipe, splits: build.Splits, learner: Learner
) -> dict[str, Any]:
    """The content of effective.json."""
    model = learner.model
    plan = build.phases(recipe, splits)
    mean, std = normalization(recipe.augment.normalize)
    return {
        "data": {
            "train_images": len(splits.train),
            "val_images": len(splits.val),
            "sha256": splits.sha256(),
            "val_sha256": splits.sha256("val"),
            "skipped_images": list(splits.skipped),
            "class_names": list(splits.train.class_names),
            "multi_label": splits.train.multi_label,
            "image_size": splits.image_size,
            "mean": list(mean),
            "std": list(std),
        },
        "model": {
            "name": recipe.model.model,
            "params": parameters(model),
            "flops": count_flops(model, splits.image_size),
        },
        "variables": variables(recipe, model),
        "loss": loss(recipe, learner),
        "optimizer": optimizer(recipe, splits, learner),
        "teachers": teachers(recipe, learner),
        "phases": [
            {
                "name": phase.name,
                "epochs": phase.epochs,
                "steps": phase.last_step - phase.first_step,
                "image_size": phase.image_size,
                "batch_size": phase.batch_size,
                "layer_groups_trained": phase.trained or "all",
                "augment": [repr(trick) for trick in phase.augment.tricks],
            }
            for phase in plan
        ],
        "run": {
            "backend": recipe.run.backend,
            "precision": recipe.run.precision,
            "seed": recipe.run.seed,
            "devices": recipe.run.devices,
            "recipe_sha256": recipe.sha256(),
        },
        "warnings": idle_knobs(recipe)
        + doubts(recipe)
        + build.doubtful(recipe, plan),
    }


def parameters(model: keras.Model) -> int:
    """Trainable numbers, as the literature counts them."""
    return sum(count(variable) for variable in model.trainable_variables)


def count(variable: Any) -> int:
    total = 1
    for side in variable.shape:
        total *= side
    return total


def variables(recipe: Recipe, model: keras.Model) -> dict[str, list[str]]:
    """Paths of the variables by what happens to them."""
    mask = decay_mask(model, recipe.optimizer.no_bias_decay)
    decays = recipe.settled().optimizer.weight_decay > 0
    return {
        "decayed": [path for path, on in mask.items() if on and decays],
        "not_decayed": [
            path for path, on in mask.items() if not (on and decays)
        ],
        "zero_gamma": [
            layer.gamma.path
            for layer in model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            and layer.gamma is not None
            and not keras.ops.convert_to_numpy(layer.gamma).any()
        ],
        "frozen": [layer.path for layer in model.layers if not layer.trainable],
    }


def loss(recipe: Recipe, learner: Learner) -> dict[str, Any]:
    """What is minimised, and how far it is mixed."""
    config = learner.loss.get_config()
    told = {
        name: value
        for name, value in config.items()
        if name not in ("name", "dtype", "reduction") and value is not None
    }
    mixing = [repr(trick) for trick in learner.augment.tricks if trick.mixes]
    views = build.views(recipe)
    return (
        {"law": type(learner.loss).__name__}
        | told
        | {"mixing": mixing}
        | ({"views_of_an_image": views} if views > 1 else {})
    )


def optimizer(
    recipe: Recipe, splits: build.Splits, learner: Learner
) -> dict[str, Any]:
    """How gradients become steps, and along which learning rates."""
    knobs = recipe.settled().optimizer
    average = None if learner.average is None else repr(learner.average)
    if knobs.swa_epochs:
        average = f"{average} of the last {knobs.swa_epochs} epochs"
    return {
        "law": knobs.opt,
        "settings": settings(own_optimizer(learner.optimizer)),
        "peak_learning_rate": recipe.peak_learning_rate(),
        "learning_rate_at": [
            {"epoch": epoch, "learning_rate": rate}
            for epoch, rate in learning_rates(recipe, splits, POINTS)
        ],
        "rates_by_depth": knobs.layer_decay < 1 or bool(knobs.lr_groups),
        "learning_rate_factors": group_factors(recipe, learner.model),
        "weight_decay": weight_decay(recipe),
        "clip": None if learner.clip is None else repr(learner.clip),
        "sam": None if learner.sam is None else repr(learner.sam),
        "average": average,
        "recalibrate_bn": knobs.recalibrate_bn or None,
        "lookahead": knobs.lookahead or None,
        "micro_batches": learner.accumulate,
    }


def settings(made: Optimizer) -> dict[str, Any]:
    """What the optimizer was made with, but for rate and decay."""
    told_elsewhere = {
        *("name", "learning_rate", "weight_decay", "no_bias_decay"),
        *("rate_factors", "clipnorm", "global_clipnorm", "clipvalue"),
        *("loss_scale_factor", "gradient_accumulation_steps"),
        *("use_ema", "ema_momentum", "ema_overwrite_frequency"),
    }
    told = {
        name: value
        for name, value in made.get_config().items()
        if name not in told_elsewhere
    }
    if isinstance(made, Muon):
        told["adamw_variables"] = sorted(made.by_adam)
    return told


def group_factors(recipe: Recipe, model: keras.Model) -> list[dict[str, Any]]:
    """Of stem, blocks and head: how fast each learns beside the head."""
    factors = build.factors(recipe, model)
    return [
        {
            "variables": len(group),
            "first": group[0],
            "factors": sorted({factors[path] for path in group}),
        }
        for group in layer_groups(model, fine=True)
        if factors and group
    ]


def teachers(recipe: Recipe, learner: Learner) -> dict[str, Any] | None:
    """Who teaches, and what that weighs."""
    if not isinstance(learner, Distiller):
        return None
    return {
        "names": split_outside(recipe.distill.teacher),
        "params": [
            teacher.count_params() for teacher in learner.teachers.content
        ],
        "cached": recipe.distill.cache_teacher,
        "temperature": learner.temperature,
        "law": learner.soft_loss.kind,
        "hard_weight": learner.hard_weight,
        "soft_weight": learner.soft_weight,
        "feature_weight": learner.feature_weight,
    }


def weight_decay(recipe: Recipe) -> dict[str, Any]:
    """The decay, and the numbers that would mean the same elsewhere.

    At a constant learning rate SGD's decay * w in the gradient grows by 1 / (1
    - momentum) on its way through the momentum; a decoupled decay does not.
    """
    knobs = recipe.settled().optimizer
    given, about = knobs.weight_decay, {"given": knobs.weight_decay}
    if knobs.opt != "sgd":
        return about | {"semantics": DECAYS[knobs.opt]}
    if knobs.momentum < 0:  # it cycles: no number would be the same
        return about | {"semantics": knobs.sgd_semantics}
    keep = 1 - knobs.momentum
    coupled = knobs.sgd_semantics != "decoupled"
    return about | {
        "semantics": knobs.sgd_semantics,
        "coupled_equivalent": given if coupled else given * keep,
        "decoupled_equivalent": given / keep if coupled else given,
        # keras.regularizers.l2(c) adds c w^2, without a half, to the loss.
        "l2_regularizer_equivalent": (given if coupled else given * keep) / 2,
    }


def learning_rates(
    recipe: Recipe, splits: build.Splits, points: int
) -> list[tuple[float, float]]:
    """(epoch, rate) at evenly spaced steps, the first and the last included."""
    steps = build.steps_per_epoch(splits.train, recipe.data.batch_size)
    plan = build.phases(recipe, splits)
    total = plan[-1].last_step
    schedule = build.schedule(recipe, steps, build.pace(recipe, plan))
    chosen = sorted(
        {round(i * (total - 1) / (points - 1)) for i in range(points)}
    )
    return [(epoch_at(plan, step), float(schedule(step))) for step in chosen]


def summary(about: dict[str, Any]) -> str:
    """The lines that a run begins with."""
    data, model, run = about["data"], about["model"], about["run"]
    optimizer, names = about["optimizer"], about["variables"]
    steps = sum(phase["steps"] for phase in about["phases"])
    lines = [
        f"data       {data['train_images']:,} train, "
        f"{data['val_images']:,} val, {len(data['class_names'])} classes"
        f"{' (several an image)' if data['multi_label'] else ''}, "
        f"{data['image_size']} px",
        f"model      {model['name']}, "
        f"{' '.join(amount(model['params']))} parameters, "
        f"{' '.join(amount(model['flops']))} multiply-adds an image",
        f"loss       {loss_line(about)}",
        f"optimizer  {optimizer['law']}, {steps:,} steps, peak learning rate "
        f"{optimizer['peak_learning_rate']:.4g}; {len(names['decayed'])} "
        f"variables decayed, {len(names['not_decayed'])} not"
        f"{frozen_line(names)}",
        *(
            [f"step       {', '.join(extras)}"]
            if (extras := step_extras(optimizer))
            else []
        ),
        *phase_lines(about["phases"]),
        f"run        {run['backend']}, {run['precision']}, seed {run['seed']}"
        f"{several_devices(about)}",
    ]
    if data["skipped_images"]:
        lines.append(f"skipped    bad images: {len(data['skipped_images'])}")
    lines += [f"warning    {warning}" for warning in about["warnings"]]
    return "\n".join(lines)


def several_devices(about: dict[str, Any]) -> str:
    """How many, and each one's part of a batch."""
    devices = about["run"]["devices"]
    if devices == 1:
        return ""
    sizes = dict.fromkeys(phase["batch_size"] for phase in about["phases"])
    parts = ", ".join(str(size // devices) for size in sizes)
    return f", {devices} devices, each {parts} images of a batch"


def phase_lines(phases: list[dict[str, Any]]) -> list[str]:
    """A line for each, where there are several."""
    if len(phases) == 1:
        return []
    return [
        f"{'' if number else 'phases':<11}{phase['epochs']} "
        f"epoch{'s' * (phase['epochs'] != 1)} ({phase['steps']:,} steps): "
        f"{phase['name']}"
        for number, phase in enumerate(phases)
    ]


def loss_line(about: dict[str, Any]) -> str:
    """The loss, the smoothing, what mixes, who teaches."""
    loss, teachers = about["loss"], about["teachers"]
    parts = [loss["law"], *loss_settings(loss), *loss["mixing"]]
    if teachers:
        parts.append(
            f"{teachers['hard_weight']:g} of it, {teachers['soft_weight']:g} "
            f"of T^2 {teachers['law']} to {', '.join(teachers['names'])} at T "
            f"{teachers['temperature']:g}"
        )
        if teachers["feature_weight"]:
            parts.append(f"{teachers['feature_weight']:g} of its features")
    return ", ".join(parts)


def loss_settings(loss: dict[str, Any]) -> list[str]:
    """What of a loss is not as it is by itself, in words."""
    smooth = loss.get("label_smoothing")
    threshold = loss.get("target_threshold")
    words = [
        f"{name} {loss[key]:g}"
        for key, name in (("gamma", "gamma"), ("weight", "of weight"))
        if key in loss
    ]
    if smooth:
        others = " over the other classes" * (loss.get("smoothing") == "others")
        words.append(f"label smoothing {smooth:g}{others}")
    if threshold is not None:
        words.append(f"targets above {threshold:g} count in full, others not")
    if loss.get("sum_classes"):
        words.append("summed over the classes")
    if loss.get("class_weights"):
        weights = loss["class_weights"]
        words.append(f"class weights {min(weights):g} to {max(weights):g}")
    return words


def step_extras(optimizer: dict[str, Any]) -> list[str]:
    """What a step does besides."""
    parts = [
        optimizer[name]
        for name in ("clip", "sam", "average")
        if optimizer[name] is not None
    ]
    if optimizer["lookahead"]:
        parts.append(f"lookahead every {optimizer['lookahead']} steps")
    if optimizer["micro_batches"] > 1:
        parts.append(f"{optimizer['micro_batches']} micro-batches")
    groups = optimizer["learning_rate_factors"]
    if groups:
        low = min(group["factors"][0] for group in groups)
        high = max(group["factors"][-1] for group in groups)
        by = "by depth" if optimizer["rates_by_depth"] else "of biases"
        parts.append(f"learning rates times {low:.3g} to {high:.3g} {by}")
    if "adamw_variables" in optimizer["settings"]:
        count = len(optimizer["settings"]["adamw_variables"])
        ratio = optimizer["settings"]["adam_ratio"]
        parts.append(f"{count} variables by AdamW at {ratio:g} of the rate")
    return parts


def frozen_line(names: dict[str, list[str]]) -> str:
    """How many layers are frozen, if any."""
    return f", {len(names['frozen'])} layers frozen" if names["frozen"] else ""
