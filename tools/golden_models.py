"""Logits of timm's and torchvision's ResNets, for kerastricks.models.

Needs: torch (2.13.0), timm (1.0.31) and torchvision (0.28.0 made the file that
       is kept); CPU builds are enough.
Run:   python tools/golden_models.py tests/models/weights/golden_models.npz

The weights are no published ones: they come from a rule on each tensor's name
that tests/models/weights/test_golden_models.py repeats, so only logits are
kept. All numbers of a network matter in them: no gamma is 1, no beta or mean is
0. There are pictures of even sides and of odd ones, where padding and pooling
show.
"""

import sys
import zlib
from typing import Any

import numpy as np
import torch

CLASSES = 10
SIDES = {"even": (2, 64, 64, 3), "odd": (1, 65, 71, 3)}
TIMM = (
    "resnet18",
    "resnet34",
    "resnet26",
    "resnet50",
    "resnet50c",
    "resnet18d",
    "resnet26d",
    "resnet34d",
    "resnet50d",
    "resnet101d",
    "seresnet18",
    "seresnet50",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "resnetblur50",
)
TORCHVISION = ("resnet50",)
# So many draws, then again: fewer than a layer has and a prime, so that no two
# filters are the same.
DRAWS = 65521


def without_kernels(register: Any) -> Any:
    """`register_fake` that passes over torchvision's operators.

    PyPI's torchvision is built for CUDA. Beside a CPU build of torch its
    operators do not load, and describing them fails; models need none.
    """

    def register_fake(name: Any, *args: Any, **options: Any) -> Any:
        if str(name).startswith("torchvision::"):
            return lambda function: function
        return register(name, *args, **options)

    return register_fake


torch.library.register_fake = without_kernels(torch.library.register_fake)
import timm  # noqa: E402
import torchvision  # noqa: E402


def value(name: str, shape: tuple[int, ...], branch_end: str) -> np.ndarray:
    """The rule. `branch_end` names the last batch norm of a branch."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) == 1 and name.endswith("weight"):
        # A branch adds little, so that depth does not blow activations up.
        scale = 0.2 if f".{branch_end}." in name else 1.0
        return (random.uniform(0.5, 1.5, shape) * scale).astype(np.float32)
    if len(shape) == 1:
        return (random.normal(size=shape) * 0.1).astype(np.float32)
    gain = 0.02 if name.startswith("fc.") else 2.0
    draws = random.normal(size=DRAWS).astype(np.float32)
    fan_in = int(np.prod(shape[1:]))
    return np.resize(draws, shape) * np.float32((gain / fan_in) ** 0.5)


def fill(model: torch.nn.Module) -> None:
    """Every tensor by the rule."""
    tensors = model.state_dict()
    end = "bn3" if "layer1.0.bn3.weight" in tensors else "bn2"
    for name, tensor in tensors.items():
        if not name.endswith("num_batches_tracked"):
            made = value(name, tuple(tensor.shape), end)
            tensor.copy_(torch.from_numpy(made))


def picture(kind: str) -> np.ndarray:
    """[N, H, W, 3]."""
    random = np.random.RandomState(zlib.crc32(kind.encode()))
    return random.normal(size=SIDES[kind]).astype(np.float32)


def logits(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """By kind of picture; in double precision, so that errors are ours."""
    fill(model)
    model.double().eval()
    found = {}
    for kind in SIDES:
        x = torch.from_numpy(picture(kind)).permute(0, 3, 1, 2).double()
        with torch.no_grad():
            found[kind] = model(x).numpy().astype(np.float32)
    return found


def main() -> None:
    golden = {}
    for library, names in (("timm", TIMM), ("torchvision", TORCHVISION)):
        for name in names:
            if library == "timm":
                model = timm.create_model(name, num_classes=CLASSES)
            else:
                model = torchvision.models.get_model(name, num_classes=CLASSES)
            for kind, rows in logits(model).items():
                golden[f"{library}/{name}/{kind}"] = rows
                print(library, name, kind, rows.std(), abs(rows).max())
    np.savez_compressed(sys.argv[1], **golden)


if __name__ == "__main__":
    main()
