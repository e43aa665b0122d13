"""Trajectories of torch's, timm's and the authors' optimizers, to be matched.

Needs: torch, timm, adabound (2.13.0, 1.0.31, 0.0.5 made the file that is kept).
Run:   python tools/golden_optimizers.py tests/optimizers/golden_optimizers.npz

Two matrices, a convolution's kernel and a bias, in torch's layout, flattened
one after the other; 50 steps in double precision. The learning rate rises for
five steps and falls along a cosine, so it is another at every step. The
gradient is a nonlinear function of the weights plus a part that changes from
step to step, so an error in a step shows in all that follow. Decay and LARS's
and LAMB's ratio spare the bias, as they do in these libraries.

Also the learning rate of each parameter of timm's ResNet-50 with layer decay.
"""

import inspect
import math
import sys

import adabound
import numpy as np
import torch

_register = torch.library.register_fake
torch.library.register_fake = lambda name, *args, **kwargs: (
    (lambda function: function)
    if name.startswith("torchvision::")
    else _register(name, *args, **kwargs)
)
import timm  # noqa: E402
from timm.optim import lamb, lars, lion, lookahead  # noqa: E402

STEPS = 50
SHAPES = ((4, 3), (2, 5), (3, 2, 2, 2), (4,))
ENDS = np.cumsum([0, *(math.prod(shape) for shape in SHAPES)])
OPTIM = torch.optim
DECAY = 0.05

# Name of the case: (optimizer, peak of the learning rate, its arguments).
CASES = {
    "sgd": (OPTIM.SGD, 0.1, {"momentum": 0.9, "weight_decay": DECAY}),
    "sgd_cycled": (OPTIM.SGD, 0.1, {"momentum": 0.9, "nesterov": True}),
    "adam": (OPTIM.Adam, 0.05, {}),
    "adam_decay": (
        OPTIM.Adam,
        0.05,
        {"betas": (0.8, 0.95), "eps": 0.01, "weight_decay": DECAY},
    ),
    "adam_cycled": (OPTIM.Adam, 0.05, {}),
    "adamw": (OPTIM.AdamW, 0.05, {"weight_decay": 0.0}),
    "adamw_decay": (OPTIM.AdamW, 0.05, {"eps": 0.01, "weight_decay": DECAY}),
    "rmsprop": (OPTIM.RMSprop, 0.02, {}),
    "rmsprop_decay": (
        OPTIM.RMSprop,
        0.005,
        {"alpha": 0.9, "eps": 0.1, "momentum": 0.9, "weight_decay": DECAY},
    ),
    "rmsprop_centered": (
        OPTIM.RMSprop,
        0.005,
        {"eps": 0.1, "momentum": 0.9, "centered": True},
    ),
    "lion": (lion.Lion, 0.02, {}),
    "lion_decay": (lion.Lion, 0.02, {"betas": (0.8, 0.9), "weight_decay": 1.0}),
    "adabound": (adabound.AdaBound, 0.01, {"final_lr": 0.5}),
    "adabound_decay": (
        adabound.AdaBound,
        0.05,
        {"gamma": 0.05, "eps": 0.01, "weight_decay": DECAY},
    ),
    "amsbound": (
        adabound.AdaBound,
        0.05,
        {"betas": (0.9, 0.9), "final_lr": 0.02, "amsbound": True},
    ),
    "lars": (lars.Lars, 0.1, {"always_adapt": True, "trust_coeff": 0.5}),
    "lars_decay": (
        lars.Lars,
        0.1,
        {"momentum": 0.9, "trust_coeff": 0.1, "weight_decay": DECAY},
    ),
    "lars_nesterov": (
        lars.Lars,
        0.1,
        {
            "momentum": 0.9,
            "nesterov": True,
            "trust_coeff": 0.1,
            "weight_decay": DECAY,
        },
    ),
    "lamb": (
        lamb.Lamb,
        0.03,
        {"always_adapt": True, "weight_decay": 0.0, "max_grad_norm": None},
    ),
    "lamb_decay": (
        lamb.Lamb,
        0.03,
        {"eps": 0.01, "weight_decay": DECAY, "max_grad_norm": None},
    ),
    "lamb_clipped": (lamb.Lamb, 0.03, {"weight_decay": DECAY}),
    "muon": (OPTIM.Muon, 0.025, {"weight_decay": 0.0}),
    "muon_decay": (
        OPTIM.Muon,
        0.05,
        {"nesterov": False, "weight_decay": DECAY},
    ),
    "muon_rms": (
        OPTIM.Muon,
        0.1,
        {"weight_decay": DECAY, "adjust_lr_fn": "match_rms_adamw"},
    ),
    "lookahead_sgd": (OPTIM.SGD, 0.1, {"momentum": 0.9}),
    "lookahead_adamw": (OPTIM.AdamW, 0.05, {"weight_decay": DECAY}),
}
ADAM_RATIO = 0.5  # of Muon, for the second matrix and the bias
MUON_DECAY = {"muon": 0.0, "muon_decay": DECAY, "muon_rms": DECAY}


def rate(step: int) -> float:
    """Of the peak: .2, .4 ... 1 in five steps, times a cosine to 0."""
    rising = min((step + 1) / 5, 1)
    return rising * (1 + math.cos(math.pi * step / STEPS)) / 2


def cycled(step: int) -> float:
    """Momentum, low where the learning rate is high."""
    return 0.95 - 0.1 * rate(step)


def start() -> np.ndarray:
    return np.cos(1.7 * np.arange(ENDS[-1])) * 1.5


def gradient(weights: np.ndarray, step: int) -> np.ndarray:
    noise = np.sin(0.7 * (step + 1) * (np.arange(len(weights)) + 1))
    return noise + 0.3 * weights + 0.5 * np.sin(2 * weights)


def in_double() -> None:
    """Lets torch's Muon iterate in the dtype of the gradient."""
    module = sys.modules["torch.optim._muon"]
    source = inspect.getsource(module._zeropower_via_newtonschulz)
    if source.count("grad.bfloat16()") != 1:
        raise RuntimeError("torch's Muon has changed")
    exec(source.replace("grad.bfloat16()", "grad.clone()"), module.__dict__)


def optimizers(name: str, weights: list[torch.Tensor]) -> list:
    """One, or Muon and AdamW."""
    kind, peak, options = CASES[name]
    if kind is OPTIM.Muon:
        others = [weights[1], weights[3]]
        return [
            kind([weights[0], weights[2]], lr=peak, **options),
            OPTIM.AdamW(
                others, lr=peak * ADAM_RATIO, weight_decay=MUON_DECAY[name]
            ),
        ]
    spared = {"params": weights[3:], "weight_decay": 0.0}
    made = kind([{"params": weights[:3]}, spared], lr=peak, **options)
    if name.startswith("lookahead"):
        made = lookahead.Lookahead(made, alpha=0.5, k=5)
    return [made]


def set_step(name: str, optimizer, step: int) -> None:
    """The step's learning rate, and momentum if that is on a schedule."""
    ratio = ADAM_RATIO if name.startswith("muon") else 1.0
    ratio = 1.0 if isinstance(optimizer, OPTIM.Muon) else ratio
    for group in optimizer.param_groups:
        group["lr"] = CASES[name][1] * ratio * rate(step)
        if name == "sgd_cycled":
            group["momentum"] = cycled(step)
        if name == "adam_cycled":
            group["betas"] = (cycled(step), 0.999)


def trajectory(name: str) -> np.ndarray:
    """The weights [STEPS, all] after each step."""
    shapes = list(SHAPES)
    if name.startswith("muon"):
        shapes[2] = (3, 8)  # torch's takes no kernels
    first = [torch.tensor(part) for part in np.split(start(), ENDS[1:-1])]
    weights = [
        part.reshape(shape).clone().requires_grad_()
        for part, shape in zip(first, shapes, strict=True)
    ]
    made = optimizers(name, weights)
    found = []
    for step in range(STEPS):
        flat = np.concatenate([w.detach().numpy().ravel() for w in weights])
        parts = np.split(gradient(flat, step), ENDS[1:-1])
        for weight, part in zip(weights, parts, strict=True):
            weight.grad = torch.tensor(part).reshape(weight.shape)
        for optimizer in made:
            set_step(name, optimizer, step)
            optimizer.step()
            if step == 0 and name.startswith("lookahead"):
                remember(optimizer, weights, first)
        found.append(
            np.concatenate([w.detach().numpy().ravel() for w in weights])
        )
    return np.array(found)


def remember(optimizer, weights: list, first: list) -> None:
    """Lookahead's slow weights, which timm takes only after k steps."""
    for weight, value in zip(weights, first, strict=True):
        state = optimizer._base_optimizer.state[weight]
        state["lookahead_slow_buff"] = value.reshape(weight.shape).clone()


def layer_decay() -> dict[str, list]:
    """Names of ResNet-50's parameters and their learning rates at .75."""
    model = timm.create_model("resnet50")
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = timm.optim.param_groups_layer_decay(model, layer_decay=0.75)
    scales = {
        names[parameter]: group["lr_scale"]
        for group in groups
        for parameter in group["params"]
    }
    return {
        "resnet50_names": list(scales),
        "resnet50_scales": list(scales.values()),
    }


def main() -> None:
    in_double()
    golden = {name: trajectory(name).astype(np.float32) for name in CASES}
    np.savez_compressed(
        sys.argv[1],
        start=start(),
        rates=[rate(step) for step in range(STEPS)],
        momenta=[cycled(step) for step in range(STEPS)],
        **golden,
        **layer_decay(),
    )


if __name__ == "__main__":
    main()
