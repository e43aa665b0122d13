"""What contradicts itself in loss, step, schedule and teaching is refused."""

import pytest

from kerastricks.config import Recipe, doubts, idle_knobs
from kerastricks.errors import InputError


@pytest.mark.parametrize(
    "values, message",
    [
        (
            {"loss": "sigmoid", "smoothing_law": "others"},
            "loss=sigmoid smooths by one of auto, uniform, half. "
            "Received: loss=sigmoid, smoothing_law=others",
        ),
        ({"smoothing_law": "half", "loss": "softmax"}, "loss=softmax smooths"),
        ({"loss": "focal", "smoothing_law": "half"}, "loss=focal smooths by"),
        ({"jsd": 12.0}, "jsd needs a policy that makes the views. Received: "),
        (
            {"jsd": 12.0, "policy": "augmix", "cutmix": 1.0},
            "jsd needs images that are not mixed. Received: jsd=12.0, mixup=0",
        ),
        (
            {"jsd": 12.0, "policy": "augmix", "loss": "focal"},
            "jsd goes with loss=softmax",
        ),
        (
            {"jsd": 1.0, "policy": "augmix", "class_weights": "balanced"},
            "jsd has no class weights",
        ),
        (
            {"jsd": 1.0, "policy": "augmix", "repeat_augment": 3},
            "jsd has its own views",
        ),
        (
            {"jsd": 1.0, "policy": "augmix", "teacher": "x"},
            "jsd goes without a teacher",
        ),
        (
            {"lr_groups": "1e-4,1e-3", "learning_rate": 0.1},
            "lr_groups gives the learning rates: leave learning_rate out. "
            "Received: lr_groups=1e-4,1e-3, learning_rate=0.1",
        ),
        (
            {"lr_groups": "1e-4,1e-3", "layer_decay": 0.5},
            "learning rates fall by lr_groups or by layer_decay",
        ),
        ({"lr_groups": "1e-4,x"}, "lr_groups must be positive numbers with"),
        ({"lr_groups": "0,1"}, "lr_groups must be positive numbers with"),
        ({"momentum": -0.5}, "momentum must be -1 or at least 0. Received:"),
        ({"weight_decay": -0.5}, "weight_decay must be -1 or at least 0"),
        ({"momentum": 0.0}, "nesterov needs momentum. Received: nesterov=True"),
        (
            {"accumulate": 3},
            "devices and accumulate must divide the batch into equal parts. "
            "Received: devices=1, accumulate=3, batch_size=128",
        ),
        (
            {"devices": 3},
            "devices and accumulate must divide the batch into equal parts. "
            "Received: devices=3, accumulate=1, batch_size=128",
        ),
        (
            {
                "devices": 2,
                "sync_bn": True,
                "accumulate": 2,
                "backend": "tensorflow",
            },
            "TensorFlow's devices cannot wait for each other within a loop or "
            "a branch of a step: sync_bn goes with accumulate=1 and "
            "sam_every=1 there. Received: sync_bn=True, devices=2, ",
        ),
        (
            {
                "devices": 0,
                "sync_bn": True,
                "sam": 0.1,
                "sam_every": 5,
                "backend": "tensorflow",
            },
            "TensorFlow's devices cannot wait for each other within a loop",
        ),
        (
            {"freeze_epochs": 1},
            "a head alone learns something only behind weights that are given. "
            "Received: freeze_epochs=1, finetune=, init_weights=",
        ),
        ({"new_head": True}, "a new head replaces one of weights that are"),
        (
            {
                "finetune": "x",
                "freeze_epochs": 3,
                "head_epochs": 1,
                "epochs": 3,
            },
            "freeze_epochs and head_epochs together must not exceed epochs. R",
        ),
        (
            {"finetune": "x", "unfreeze_every": 1},
            "gradual unfreezing begins with the head alone. Received: "
            "unfreeze_every=1, freeze_epochs=0",
        ),
        (
            {"resize_schedule": "32@0.2"},
            "resize_schedule must be positive values with the share of the run",
        ),
        ({"resize_schedule": "a@0"}, "resize_schedule must be positive values"),
        ({"batch_schedule": "8@0,9@1"}, "batch_schedule must be positive val"),
        ({"strength_schedule": "-1"}, "strength_schedule must be positive"),
        (
            {"resize_schedule": "32@0,48@0.01"},
            "each value must hold for an epoch. Received: "
            "resize_schedule=32@0,48@0.01, epochs=30",
        ),
        ({"batch_schedule": "8.5"}, "batch_schedule has whole numbers"),
        (
            {"batch_schedule": "8,9@0.5", "accumulate": 2},
            "devices and accumulate must divide each batch into equal parts",
        ),
        (
            {"batch_schedule": "2", "repeat_augment": 3},
            "a batch must have room for the repetitions",
        ),
        (
            {"resize_schedule": "32", "cache": "ram", "train_crop": "pad"},
            "a cache keeps images of one size with train_crop=pad",
        ),
        ({"ema": 0.9, "swa_epochs": 2}, "the weights have one average"),
        ({"swa_epochs": 31}, "swa_epochs must not exceed the run's epochs"),
        ({"recalibrate_bn": 5}, "recalibrate_bn needs an average"),
        (
            {"loss": "sigmoid", "bce_target_thresh": -0.5},
            "bce_target_thresh must be -1 or at least 0",
        ),
        (
            {"schedule": "one_cycle", "warmup_epochs": 2.0},
            "one_cycle is its own warm-up. "
            "Received: schedule=one_cycle, warmup_epochs=2.0",
        ),
        (
            {"warmup": "exponential"},
            "a warm-up that is exponential begins above 0. "
            "Received: warmup=exponential, warmup_lr=0.0",
        ),
        ({"warmup": "constant"}, "a warm-up that is constant begins above 0"),
        (
            {"min_lr": 0.2},
            "min_lr must not exceed the peak of the learning rate, here 0.05",
        ),
        ({"warmup_lr": 0.2}, "warmup_lr must not exceed the peak"),
        (
            {"schedule": "multistep", "decay_milestones": "60,30"},
            "decay_milestones must be epochs, each later than the one before",
        ),
        (
            {"schedule": "multistep", "decay_milestones": ""},
            "decay_milestones must be epochs, each later",
        ),
        (
            {"schedule": "multistep"},
            "decay_milestones must lie within the run. "
            "Received: decay_milestones=30,60,80, epochs=30",
        ),
        (
            {"schedule": "exponential", "decay_rate": 0.0},
            "exponential never comes to 0",
        ),
        (
            {"schedule": "one_cycle", "cycle_momentum": (0.8, 0.9)},
            "cycle_momentum must be highest,lowest",
        ),
        (
            {"temperature": 4.0},
            "distillation needs a teacher. Received: temperature=4.0, teacher=",
        ),
        ({"cache_teacher": True}, "distillation needs a teacher"),
        ({"teacher": "ema"}, "teacher=ema needs that average. Received: "),
        (
            {"teacher": "x", "hard_weight": 2.0},
            "the teacher must weigh something: with a hard_weight of 1 or more "
            "give soft_weight, in the paper 1. Received: hard_weight=2.0",
        ),
        ({"teacher": "x", "hard_weight": 1.0}, "the teacher must weigh some"),
        ({"teacher": "x", "soft_weight": 0.0}, "the teacher must weigh some"),
        (
            {"teacher": "x", "hard_weight": 2.0, "distill_features": 1.0},
            "a hard_weight above 1 leaves less than nothing",
        ),
        ({"teacher": "ema,x", "ema": 0.9}, "ema teaches alone. Received: "),
        (
            {"teacher": "a,b", "distill_features": 1.0},
            "features are learnt from one teacher. Received: ",
        ),
        (
            {"schedule": "step"},
            "schedule=step never falls unless decay_epochs is below epochs. "
            "Received: decay_epochs=30.0, epochs=30",
        ),
        ({"teacher": "x", "soft_weight": -0.5}, "soft_weight must be -1 or"),
        (
            {"teacher": "ema", "ema": 0.9, "distill_features": 1.0},
            "an average changes, and has the student's features",
        ),
        (
            {"teacher": "x", "cache_teacher": True, "distill_features": 1.0},
            "cache_teacher keeps logits, no features",
        ),
        (
            {"teacher": "x", "cache_teacher": True, "mixup": 0.2},
            "cache_teacher needs images that are the same in every epoch. "
            "Received: cache_teacher=True, train_crop=rrc, flip=0.5, mixup=0.2",
        ),
    ],
)
def test_contradiction_is_refused(values, message):
    with pytest.raises(InputError) as error:
        Recipe(**values).validate()
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "values",
    [
        {"opt": "adamw", "momentum": 0.0},
        {"momentum": 0.0, "nesterov": False},
        {"accumulate": 128},
        {"swa_epochs": 30, "recalibrate_bn": 5},
        {"lr_groups": "1e-4,1e-3,1e-2"},
        {"schedule": "multistep", "decay_milestones": "10,30"},
        {"teacher": "x", "hard_weight": 1.0, "soft_weight": 1.0},
        {"teacher": "ema", "ema": 0.999},
        {
            "teacher": "x",
            "cache_teacher": True,
            "train_crop": "center",
            "flip": 0.0,
        },
        {"loss": "sigmoid", "smoothing_law": "half"},
        {"teacher": "keras:X(a=1,b=2)", "distill_features": 1.0},
        {"teacher": "x", "distill_features": 1.0, "hard_weight": 1.0},
        {"schedule": "step", "decay_epochs": 10.0},
        {"jsd": 12.0, "policy": "randaugment-n2-m9", "loss": "softmax"},
        {"schedule": "one_cycle", "cycle_momentum": (0.0, 0.0)},
    ],
)
def test_what_only_looks_like_a_contradiction_passes(values):
    recipe = Recipe(**values)
    assert recipe.validate() is recipe
    assert recipe.settled().validate() == recipe.settled()


@pytest.mark.parametrize(
    "values, lines",
    [
        (
            {"opt": "adamw", "momentum": 0.5, "sgd_semantics": "mxnet"},
            [
                "momentum=0.5 has no effect with opt=adamw",
                "sgd_semantics=mxnet has no effect with opt=adamw",
            ],
        ),
        (
            {"betas": (0.8, 0.9), "opt_eps": 1e-6, "final_lr": 1.0},
            [
                "betas=(0.8, 0.9) has no effect with opt=sgd",
                "opt_eps=1e-06 has no effect with opt=sgd",
                "final_lr=1.0 has no effect with opt=sgd",
            ],
        ),
        (
            {"schedule": "constant", "min_lr": 0.01, "decay_rate": 0.2},
            [
                "min_lr=0.01 has no effect with schedule=constant",
                "decay_rate=0.2 has no effect with schedule=constant",
            ],
        ),
        (
            {"bce_sum": True, "focal_gamma": 1.0},
            [
                "bce_sum=True has no effect with loss=auto",
                "focal_gamma=1.0 has no effect with loss=auto",
            ],
        ),
        (
            {"label_smoothing": 0.0, "smoothing_law": "others"},
            ["smoothing_law=others has no effect with label_smoothing=0"],
        ),
        (
            {"warmup_epochs": 0.0, "warmup_inside": True},
            ["warmup_inside=True has no effect with no warm-up"],
        ),
        (
            {"clip_mode": "agc", "sam_every": 2, "ema_warmup": False},
            [
                "clip_mode=agc has no effect with clip_grad=0",
                "sam_every=2 has no effect with sam=0",
                "ema_warmup=False has no effect with ema=0",
            ],
        ),
        (
            {"schedule": "multistep", "warmup_inside": True, "epochs": 90},
            [
                "warmup_inside=True has no effect with schedule=multistep, "
                "whose epochs are the run's"
            ],
        ),
        (
            {"init_weights": "a.weights.h5", "zero_gamma": False},
            ["zero_gamma=False has no effect with init_weights"],
        ),
        (
            {"lookahead_alpha": 0.8},
            ["lookahead_alpha=0.8 has no effect with lookahead=0"],
        ),
    ],
)
def test_knobs_that_do_nothing_are_named(values, lines):
    assert idle_knobs(Recipe(**values).validate()) == lines


@pytest.mark.parametrize(
    "values, lines",
    [
        ({}, []),
        (
            {"class_weights": "balanced", "sampler": "balanced"},
            ["class_weights=balanced and sampler=balanced balance twice"],
        ),
        (
            {"schedule": "cosine_restarts"},
            [
                "the run ends within a cycle, after 5 of its 10 epochs: its "
                "learning rate is then not at its end"
            ],
        ),
        ({"schedule": "cosine_restarts", "epochs": 35}, []),
        (
            {
                "schedule": "cosine_restarts",
                "epochs": 35,
                "cycle_mult": 2.0,
                "warmup_epochs": 5.0,
            },
            [],
        ),
    ],
)
def test_doubtful_combinations_are_told(values, lines):
    assert doubts(Recipe(**values).validate()) == lines


def test_settling_leaves_a_cycled_momentum_open():
    cycled = Recipe(schedule="one_cycle")
    assert idle_knobs(cycled.settled().validate()) == []
    assert idle_knobs(cycled.replace(momentum=0.5)) == [
        "momentum=0.5 has no effect with one_cycle's cycle_momentum"
    ]
    still = cycled.replace(cycle_momentum=(0.0, 0.0)).settled()
    assert still.optimizer.momentum == 0.9


@pytest.mark.parametrize("opt", ["sgd", "adamw", "lion", "muon", "lamb"])
def test_what_is_settled_has_an_effect(opt):
    settled = Recipe(opt=opt).settled()
    assert settled.settled() == settled
    assert idle_knobs(settled.validate()) == []
    assert settled.optimizer.learning_rate > 0
    assert settled.peak_learning_rate() == Recipe(opt=opt).peak_learning_rate()


def test_what_is_given_is_not_settled():
    given = dict(learning_rate=0.3, weight_decay=0.0, momentum=0.5)
    settled = Recipe(**given).settled()
    assert {name: settled.values()[name] for name in given} == given
