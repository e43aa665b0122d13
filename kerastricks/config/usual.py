"""What an optimizer takes where the recipe leaves it to it."""

from kerastricks.config.knobs import Value
from kerastricks.config.rules import USERS
from kerastricks.config.sections import OPTIMIZERS, Optimizer

# What is usual for 256 images: (learning rate, weight decay). SGD: He et al.
# 2015; LAMB: 5e-3 and .02 for 2,048 images, Wightman et al. 2021; AdamW: Liu et
# al. 2022 (ConvNeXt), .05; Lion: Chen et al. 2023, a tenth of AdamW's rate and
# ten times its decay; RMSprop: Tan & Le 2019; AdaBound: Luo et al. 2019; LARS:
# MLPerf's ResNet-50; Muon: Jordan's. Adam's decay is L2, which hardly anyone
# uses.
USUAL = {
    "sgd": (0.1, 1e-4),
    "adam": (1e-3, 0.0),
    "adamw": (1e-3, 0.05),
    "lion": (1e-4, 0.5),
    "muon": (0.02, 0.01),
    "rmsprop": (0.01, 1e-5),
    "adabound": (1e-3, 5e-4),
    "amsbound": (1e-3, 5e-4),
    "lars": (1.0, 1e-4),
    "lamb": (1.75e-3, 0.02),
}


ADAPTIVE = ("adam", "adamw", "lion", "adabound", "amsbound", "lamb")


def usual(optimizer: Optimizer, cycles: bool) -> dict[str, Value]:
    """The leaves of the optimizer that are left to it, by name.

    Args:
        cycles: whether momentum goes up and down, and none need be given.
    """
    opt = optimizer.opt
    rate, decay = USUAL[opt]
    lion = 0.9, 0.99
    cases: dict[str, tuple[Value | None, Value]] = {
        "learning_rate": (None if optimizer.lr_groups else 0.0, rate),
        "weight_decay": (-1.0, decay),
        "lr_scaling": ("auto", "sqrt" if opt in ADAPTIVE else "linear"),
        "momentum": (None if cycles else -1.0, 0.95 if opt == "muon" else 0.9),
        "betas": ((0.0, 0.0), lion if opt == "lion" else (0.9, 0.999)),
    }
    return {
        name: value
        for name, (auto, value) in cases.items()
        if getattr(optimizer, name) == auto
        and opt in USERS.get(name, OPTIMIZERS)
    }
