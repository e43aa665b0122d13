"""From flags to optimizers and learning rates."""

import numpy as np
import pytest

from kerastricks import build, models
from kerastricks.config import OPTIMIZERS, SCHEDULES, Recipe
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
)

STEPS = 10  # in an epoch
# Of each optimizer its class, and what the flags' defaults make of it for 1,024
# images: (learning rate, weight decay, ...).
USUAL = {
    "sgd": (SGD, 0.4, 1e-4),
    "adam": (Adam, 2e-3, 0.0),
    "adamw": (AdamW, 2e-3, 0.05),
    "lion": (Lion, 2e-4, 0.5),
    "muon": (Muon, 0.08, 0.01),
    "rmsprop": (RMSprop, 0.04, 1e-5),
    "adabound": (AdaBound, 2e-3, 5e-4),
    "amsbound": (AdaBound, 2e-3, 5e-4),
    "lars": (Lars, 4.0, 1e-4),
    "lamb": (Lamb, 3.5e-3, 0.02),
}


@pytest.fixture(scope="module")
def model():
    return models.create(
        "resnet10_d", num_classes=3, image_size=16, width=0.125
    )


def made(model, **values):
    return build.optimizer(Recipe(**values).validate(), STEPS, model)


def rates(*steps, **values):
    """At these steps, of a run of 1.0 at the peak without warm-up."""
    recipe = Recipe(
        **{
            "learning_rate": 1.0,
            "lr_scaling": "none",
            "warmup_epochs": 0.0,
            "epochs": 10,
            **values,
        }
    )
    schedule = build.schedule(recipe.validate(), STEPS)
    return pytest.approx([float(schedule(step)) for step in steps], rel=1e-5)


@pytest.mark.parametrize("opt", OPTIMIZERS)
def test_each_is_built_with_what_is_usual(model, opt):
    kind, rate, decay = USUAL[opt]
    optimizer = made(
        model, opt=opt, batch_size=1024, schedule="constant", warmup_epochs=0
    )
    assert type(optimizer) is kind
    assert float(optimizer.learning_rate) == pytest.approx(rate)
    assert optimizer.decay == decay and optimizer.no_bias_decay
    if opt in ("sgd", "muon"):
        assert optimizer.nesterov
    if kind is AdaBound:
        assert optimizer.amsbound == (opt == "amsbound")
        assert optimizer.base_lr == pytest.approx(rate)


def test_what_is_given_is_taken(model):
    sgd = made(
        model,
        momentum=0.8,
        nesterov=False,
        sgd_semantics="mxnet",
        weight_decay=3e-5,
        no_bias_decay=False,
    )
    assert (sgd.momentum, sgd.nesterov, sgd.semantics) == (0.8, False, "mxnet")
    assert (sgd.decay, sgd.no_bias_decay) == (3e-5, False)
    adam = made(model, opt="adamw", betas=(0.8, 0.95), opt_eps=1e-6)
    assert (adam.momentum, adam.beta, adam.epsilon) == (0.8, 0.95, 1e-6)
    bound = made(model, opt="adabound", final_lr=0.5, bound_gamma=0.01)
    assert (bound.final_lr, bound.gamma) == (0.5, 0.01)
    lars = made(model, opt="lars", momentum=0.7, trust_coefficient=0.02)
    assert (lars.momentum, lars.trust_coefficient) == (0.7, 0.02)
    ahead = made(model, opt="lion", lookahead=7, lookahead_alpha=0.3)
    assert type(ahead) is Lookahead and type(ahead.inner_optimizer) is Lion
    assert (ahead.steps, ahead.alpha) == (7, 0.3)


def test_learning_rates_by_depth_reach_the_optimizer(model):
    factors = made(model, layer_decay=0.5).rate_factors
    kernels = [v.path for v in model.trainable_variables if "conv" in v.path]
    head = next(path for path in factors if "head" in path)
    # Stem, four blocks, head.
    assert factors[kernels[0]] == 0.5**5 and factors[head] == 1
    factors = made(model, lr_groups="1e-3,1e-2,1e-1").rate_factors
    assert factors[kernels[0]] == pytest.approx(0.01) and factors[head] == 1
    assert made(model).rate_factors == {}
    biases = made(model, bias_lr=64.0).rate_factors
    assert {64.0, 1.0} == set(biases.values())
    peak = made(model, lr_groups="1e-3,1e-1", batch_size=512).learning_rate
    assert float(peak) == pytest.approx(0.2 * 1 / (5 * STEPS))  # warming up
    with pytest.raises(InputError, match="lr_groups must be at most 6"):
        made(model, lr_groups="1,2,3,4,5,6,7")


@pytest.mark.parametrize(
    "values, steps, expected",
    [
        ({"schedule": "constant"}, (0, 99), [1, 1]),
        (
            {"schedule": "step", "decay_epochs": 3.0},
            (0, 29, 30, 60, 90),
            [1, 1, 0.1, 0.01, 0.001],
        ),
        (
            {"schedule": "multistep", "decay_milestones": "3,6,8"},
            (29, 30, 60, 80),
            [1, 0.1, 0.01, 0.001],
        ),
        (
            {"schedule": "exponential", "decay_epochs": 5.0},
            (0, 50, 100),
            [1, 0.1, 0.01],
        ),
        (
            {"schedule": "polynomial", "min_lr": 0.2},
            (0, 50, 100),
            [1, 0.2 + 0.8 / 4, 0.2],
        ),
        ({"schedule": "linear"}, (0, 50, 75), [1, 0.5, 0.25]),
        ({"schedule": "cosine", "min_lr": 0.1}, (0, 50, 100), [1, 0.55, 0.1]),
        (
            {
                "schedule": "cosine_restarts",
                "cycle_epochs": 2.0,
                "cycle_mult": 2.0,
                "cycle_decay": 0.5,
            },
            (0, 10, 20, 40, 60),
            [1, 0.5, 0.5, 0.25, 0.25],
        ),
        ({"schedule": "one_cycle"}, (0, 25), [1 / 25, 1]),
        (
            {"schedule": "flat_cosine", "flat_share": 0.5},
            (0, 50, 75),
            [1, 1, 0.5],
        ),
        ({"schedule": "tanh"}, (0,), [0.5 * (1 - np.tanh(-7))]),
        ({"schedule": "triangle"}, (0, 23, 100), [0.2, 1, 0.07]),
        # With a warm-up of two epochs.
        (
            {"warmup_epochs": 2.0},
            (0, 9, 19, 20, 60, 100),
            [0.05, 0.5, 1, 1, 0.5, 0],
        ),
        (
            {"warmup_epochs": 2.0, "warmup_lr": 0.2},
            (9, 19),
            [0.6, 1],
        ),
        (
            {"warmup_epochs": 2.0, "warmup_lr": 0.25, "warmup": "constant"},
            (0, 19, 20),
            [0.25, 0.25, 1],
        ),
        (
            {"warmup_epochs": 2.0, "warmup_lr": 0.01, "warmup": "exponential"},
            (9, 19),
            [0.1, 1],
        ),
        (
            {"warmup_epochs": 5.0, "warmup_inside": True},
            (24, 50),
            [0.5, 0.5],
        ),
        # Epochs at which it falls count from the run's start.
        (
            {
                "warmup_epochs": 2.0,
                "schedule": "multistep",
                "decay_milestones": "3,6",
            },
            (29, 30, 60),
            [1, 0.1, 0.01],
        ),
    ],
)
def test_learning_rates_along_the_run(values, steps, expected):
    assert np.array(expected) == rates(*steps, **values)


def test_every_schedule_is_tried():
    tried = {
        values.get("schedule", "cosine")
        for mark in test_learning_rates_along_the_run.pytestmark
        for values, _, _ in mark.args[1]
    }
    assert tried == set(SCHEDULES)


@pytest.mark.parametrize("opt", ["sgd", "adamw"])
def test_momentum_cycles_against_the_rate(model, opt):
    values = {"opt": opt, "schedule": "one_cycle", "epochs": 10}
    cycled = made(model, **values).momentum
    assert [float(cycled(step)) for step in (0, 25, 100)] == pytest.approx(
        [0.95, 0.85, 0.95], rel=1e-5
    )
    assert made(model, cycle_momentum=(0.0, 0.0), **values).momentum == 0.9


@pytest.mark.parametrize(
    "values, rate",
    [
        ({"batch_size": 1024}, 0.4),
        ({"batch_size": 64, "learning_rate": 1.0}, 0.25),
        ({"batch_size": 1024, "opt": "adam"}, 2e-3),
        ({"batch_size": 1024, "lr_scaling": "sqrt"}, 0.2),
        ({"batch_size": 1024, "lr_scaling": "none"}, 0.1),
        ({"batch_size": 512, "lr_groups": "1e-3,1e-2"}, 0.02),
    ],
)
def test_the_peak_follows_the_batch(values, rate):
    assert Recipe(**values).peak_learning_rate() == pytest.approx(rate)
