"""Clipped gradients of torch and timm, for kerastricks.optimizers.clipping.

Needs: torch (2.13.0) and timm (1.0.31 made the file that is kept); CPU builds
       are enough.
Run:   python tools/golden_clipping.py > tests/optimizers/golden_clipping.json

Weights and gradients are given as torch has them, outputs first; in double
precision.
"""

import json
import pathlib
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from conformance.torch_peers import torch, versions  # noqa: E402

SHAPES = {
    "conv": (3, 2, 2, 2),
    "depthwise": (4, 1, 3, 3),
    "dense": (3, 4),
    "bias": (3,),
    "zeros": (2, 4),
}
AMOUNTS = {
    "global_norm": (0.5, 1000.0),
    "value": (0.3,),
    "agc": (0.01, 0.5),
}


def parameters() -> list[torch.nn.Parameter]:
    """The same each time; float32 has them exactly.

    One unit's weights are 0 and another's gradient is, and small ones stay
    below agc's limit.
    """
    torch.manual_seed(0)
    made = []
    for name, shape in SHAPES.items():
        weight = torch.randn(shape) * (name != "zeros")
        made.append(torch.nn.Parameter(weight.double()))
        sizes = torch.logspace(-2, 1, shape[0]).reshape(-1, *[1] * len(shape))
        made[-1].grad = (sizes[..., 0] * torch.randn(shape)).double()
    made[2].grad[1] = 0
    return made


def clipped(mode: str, amount: float) -> list[torch.Tensor]:
    from timm.utils import adaptive_clip_grad

    tensors = parameters()
    if mode == "agc":
        adaptive_clip_grad(tensors, clip_factor=amount)
    elif mode == "value":
        torch.nn.utils.clip_grad_value_(tensors, amount)
    else:
        torch.nn.utils.clip_grad_norm_(tensors, amount)
    return [tensor.grad for tensor in tensors]


def rounded(tensors: list[torch.Tensor]) -> dict[str, list[Any]]:
    """Flat, with more digits than float32 has."""
    return {
        name: [float(f"{value:.10g}") for value in tensor.flatten().tolist()]
        for name, tensor in zip(SHAPES, tensors, strict=True)
    }


def main() -> None:
    import timm  # after torchvision, which needs help

    tensors = parameters()
    golden = versions() | {
        "timm": timm.__version__,
        "shapes": SHAPES,
        "weights": rounded([tensor.detach() for tensor in tensors]),
        "gradients": rounded([tensor.grad for tensor in tensors]),
        "cases": [
            {"mode": mode, "amount": amount}
            | {"gradients": rounded(clipped(mode, amount))}
            for mode, amounts in AMOUNTS.items()
            for amount in amounts
        ],
    }
    # A line for each case.
    print(json.dumps(golden).replace('{"mode"', '\n{"mode"'))


if __name__ == "__main__":
    main()
