"""What really applies in a run, told before its first step.

Printed in a few lines and written to effective.json in full: which variables
are decayed, start at zero or are frozen, the learning rate along the run, the
size of the model, what `auto` came to.
"""

from typing import Any

import keras

from kerastricks import build
from kerastricks.config import Recipe, idle_knobs, normalization
from kerastricks.models import count_flops
from kerastricks.optimizers import decay_mask
from kerastricks.report.page import amount
from kerastricks.training import Learner

POINTS = 10  # of the learning rate


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
        "optimizer": {
            "peak_learning_rate": recipe.peak_learning_rate(),
            "learning_rate_at": [
                {"epoch": epoch, "learning_rate": rate}
                for epoch, rate in learning_rates(recipe, splits, POINTS)
            ],
            "weight_decay": weight_decay(recipe),
        },
        "phases": [
            {
                "name": phase.name,
                "epochs": phase.epochs,
                "steps": phase.last_step - phase.first_step,
                "image_size": phase.image_size,
                "batch_size": phase.batch_size,
                "augment": [repr(trick) for trick in phase.augment.tricks],
            }
            for phase in plan
        ],
        "run": {
            "backend": recipe.run.backend,
            "precision": recipe.run.precision,
            "seed": recipe.run.seed,
            "recipe_sha256": recipe.sha256(),
        },
        "warnings": idle_knobs(recipe),
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
    decays = recipe.optimizer.weight_decay > 0
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


def weight_decay(recipe: Recipe) -> dict[str, Any]:
    """The decay, and the numbers that would mean the same elsewhere.

    At a constant learning rate decay * w in the gradient grows by 1 / (1 -
    momentum) on its way through the momentum; a decoupled decay does not.
    """
    given = recipe.optimizer.weight_decay
    keep = 1 - recipe.optimizer.momentum
    coupled = recipe.optimizer.sgd_semantics != "decoupled"
    return {
        "given": given,
        "semantics": recipe.optimizer.sgd_semantics,
        "coupled_equivalent": given if coupled else given * keep,
        "decoupled_equivalent": given / keep if coupled else given,
    }


def learning_rates(
    recipe: Recipe, splits: build.Splits, points: int
) -> list[tuple[float, float]]:
    """(epoch, rate) at evenly spaced steps, the first and the last included."""
    steps = build.steps_per_epoch(splits.train, recipe.data.batch_size)
    total = recipe.schedule.epochs * steps
    schedule = build.schedule(recipe, steps)
    chosen = sorted(
        {round(i * (total - 1) / (points - 1)) for i in range(points)}
    )
    return [(step / steps, float(schedule(step))) for step in chosen]


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
        f"optimizer  {steps:,} steps, peak learning rate "
        f"{optimizer['peak_learning_rate']:.4g}; {len(names['decayed'])} "
        f"variables decayed, {len(names['not_decayed'])} not",
        f"run        {run['backend']}, {run['precision']}, seed {run['seed']}",
    ]
    if data["skipped_images"]:
        lines.append(f"skipped    bad images: {len(data['skipped_images'])}")
    lines += [f"warning    {warning}" for warning in about["warnings"]]
    return "\n".join(lines)
