"""The optimizer and its schedules."""

from collections.abc import Sequence
from typing import Any

import keras

from kerastricks.config import Recipe, numbers
from kerastricks.errors import InputError
from kerastricks.optimizers import (
    SGD,
    AdaBound,
    Adam,
    AdamW,
    Lamb,
    Lars,
    Lion,
    Lookahead,
    Muon,
    RMSprop,
    rate_factors,
)
from kerastricks.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    FlatCosine,
    Linear,
    MultiStep,
    OneCycle,
    OneCycleMomentum,
    Paced,
    Polynomial,
    Step,
    Tanh,
    Triangle,
    Warmup,
)

Pace = Sequence[tuple[int, int, int, float]]  # see Paced


def optimizer(
    recipe: Recipe, steps_in_epoch: int, model: keras.Model, pace: Pace = ()
) -> keras.optimizers.Optimizer:
    """The optimizer with its schedule.

    Args:
        steps_in_epoch: with the batch that the learning rate is meant for.
        pace: where epochs have other numbers of steps.
    """
    recipe = recipe.settled()
    knobs = recipe.optimizer
    made = of_kind(recipe, steps_in_epoch, pace)(
        learning_rate=schedule(recipe, steps_in_epoch, pace),
        weight_decay=knobs.weight_decay,
        no_bias_decay=knobs.no_bias_decay,
        rate_factors=factors(recipe, model),
    )
    if knobs.lookahead:
        return Lookahead(made, knobs.lookahead, knobs.lookahead_alpha)
    return made


def of_kind(recipe: Recipe, steps_in_epoch: int, pace: Pace) -> Any:
    """The optimizer's class with what is its own."""
    knobs = recipe.optimizer
    given, beta = momentum(recipe, steps_in_epoch, pace)
    epsilon = {"epsilon": knobs.opt_eps} if knobs.opt_eps else {}
    adam = {"betas": (beta, knobs.betas[1])} | epsilon
    bound = adam | {
        "final_lr": knobs.final_lr,
        "gamma": knobs.bound_gamma,
        "base_lr": recipe.peak_learning_rate(),
    }
    nesterov = {"momentum": given, "nesterov": knobs.nesterov}
    kinds: dict[str, tuple[type, dict[str, Any]]] = {
        "sgd": (SGD, nesterov | {"semantics": knobs.sgd_semantics}),
        "adam": (Adam, adam),
        "adamw": (AdamW, adam),
        "lion": (Lion, {"betas": (beta, knobs.betas[1])}),
        "muon": (Muon, nesterov | {"adam_betas": knobs.betas} | epsilon),
        "rmsprop": (RMSprop, {"momentum": given} | epsilon),
        "adabound": (AdaBound, bound),
        "amsbound": (AdaBound, bound | {"amsbound": True}),
        "lars": (
            Lars,
            {"momentum": given, "trust_coefficient": knobs.trust_coefficient}
            | epsilon,
        ),
        "lamb": (Lamb, adam),
    }
    kind, own = kinds[knobs.opt]

    def make(**common: Any) -> keras.optimizers.Optimizer:
        return kind(**common, **own)

    return make


def momentum(
    recipe: Recipe, steps_in_epoch: int, pace: Pace = ()
) -> tuple[Any, Any]:
    """(momentum, first beta), or the cycle that both then follow."""
    knobs, plan = recipe.optimizer, recipe.schedule
    high, low = plan.cycle_momentum
    if plan.schedule != "one_cycle" or not high:
        return knobs.momentum, knobs.betas[0]
    total = plan.epochs * steps_in_epoch
    cycle: Any = OneCycleMomentum(total, plan.pct_start, high, low)
    if pace:  # the rate follows the batch, momentum does not
        still = [(*stretch[:3], 1.0) for stretch in pace]
        cycle = Paced(cycle, steps_in_epoch, still)
    return cycle, cycle


def factors(recipe: Recipe, model: keras.Model) -> dict[str, float]:
    """What each variable's learning rate is multiplied by; {}: 1."""
    knobs = recipe.optimizer
    rates = numbers(knobs.lr_groups, "lr_groups")
    if knobs.layer_decay == knobs.bias_lr == 1 and not rates:
        return {}
    try:
        return rate_factors(model, knobs.layer_decay, rates, knobs.bias_lr)
    except ValueError as error:
        raise InputError(str(error)) from None


def schedule(recipe: Recipe, steps_in_epoch: int, pace: Pace = ()) -> Any:
    """The learning rate of every step."""
    made = by_epochs(recipe, steps_in_epoch)
    return Paced(made, steps_in_epoch, pace) if pace else made


def by_epochs(recipe: Recipe, steps_in_epoch: int) -> Any:
    """The same where all epochs have as many steps."""
    plan = recipe.schedule
    warm = round(recipe.warmup_epochs() * steps_in_epoch)
    # Epochs at which a rate falls count from the run's start, as in GluonCV.
    inside = plan.warmup_inside or plan.schedule in ("step", "multistep")
    steps = plan.epochs * steps_in_epoch - (0 if inside else warm)
    made = after_warmup(recipe, max(steps, 1), steps_in_epoch)
    if not warm:
        return made
    return Warmup(made, warm, plan.warmup_lr, plan.warmup, inside)


def after_warmup(recipe: Recipe, steps: int, steps_in_epoch: int) -> Any:
    """The schedule for the steps after the warm-up."""
    plan, peak = recipe.schedule, recipe.peak_learning_rate()

    def in_steps(epochs: float) -> int:
        return max(round(epochs * steps_in_epoch), 1)

    if plan.schedule == "constant":
        return Constant(peak)
    if plan.schedule == "step":
        return Step(peak, in_steps(plan.decay_epochs), plan.decay_rate)
    if plan.schedule == "multistep":
        epochs = numbers(plan.decay_milestones, "decay_milestones")
        return MultiStep(peak, [*map(in_steps, epochs)], plan.decay_rate)
    if plan.schedule == "exponential":
        fallen = steps / in_steps(plan.decay_epochs)
        return Exponential(peak, steps, peak * plan.decay_rate**fallen)
    if plan.schedule == "one_cycle":
        return OneCycle(peak, steps, plan.pct_start)
    if plan.schedule == "triangle":
        return Triangle(peak, steps)
    if plan.schedule == "cosine_restarts":
        return CosineRestarts(
            peak,
            in_steps(plan.cycle_epochs),
            plan.cycle_mult,
            plan.cycle_decay,
            plan.min_lr,
        )
    if plan.schedule == "polynomial":
        return Polynomial(peak, steps, plan.poly_power, plan.min_lr)
    if plan.schedule == "flat_cosine":
        return FlatCosine(peak, steps, plan.flat_share, plan.min_lr)
    straight = {"linear": Linear, "cosine": Cosine, "tanh": Tanh}
    return straight[plan.schedule](peak, steps, end=plan.min_lr)
