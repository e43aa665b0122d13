"""Files of named tensors that other frameworks write, as NumPy arrays.

Nothing in a file is ever executed: .safetensors is bytes behind a table of
contents, and torch's files go through torch's own reader of weights alone.
"""

import importlib.util
import pathlib
import re
from typing import Any

import numpy as np

from kerastricks.errors import InputError
from kerastricks.models.weights.safetensors import read_safetensors

TORCH_SUFFIXES = (".pth", ".pt", ".bin", ".tar")
SUFFIXES = (".safetensors", *TORCH_SUFFIXES)
# Names under which training scripts nest the weights; the average of the
# weights is the better one, as timm's `load_checkpoint` has it.
NESTS = ("state_dict_ema", "model_ema", "state_dict", "model")
# What wrappers put before every name: data parallelism, torch.compile, scripts.
PREFIXES = ("module.", "_orig_mod.", "model.")
# Before it a crafted file got past `weights_only` (CVE-2025-32434).
SAFE_TORCH = (2, 6)


def read_tensors(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Tensors by name, without the prefixes that all of the names have.

    Those of .safetensors are read from the disk as they are used.

    Example:
        tensors = read_tensors("resnet50d.safetensors")
        tensors["fc.weight"].shape
    """
    path = pathlib.Path(path).expanduser()
    if path.suffix not in SUFFIXES:
        raise InputError(
            f"a file of tensors ends in one of {', '.join(SUFFIXES)}. "
            f"Received: {path}"
        )
    if not path.is_file():
        raise InputError(f"there is no such file. Received: {path}")
    if path.suffix == ".safetensors":
        return without_prefixes(read_safetensors(path))
    return without_prefixes(read_torch(path))


def without_prefixes(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same by shorter names."""
    for prefix in PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            return without_prefixes(
                {name.removeprefix(prefix): x for name, x in tensors.items()}
            )
    return tensors


def read_torch(path: pathlib.Path) -> dict[str, np.ndarray]:
    """By torch's reader, which builds tensors and plain containers only."""
    torch = import_torch(path)
    try:
        # Given here, it cannot be turned off by torch's environment variable.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many types: unpickling, zip, struct, ...
        raise InputError(
            "a torch file must hold tensors only and be whole "
            f"({complaint(error)}): save model.state_dict() alone, or as "
            f".safetensors. Received: {path}"
        ) from None
    tensors = {
        name: array(value, name)
        for name, value in weights_in(content).items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
    if not tensors:
        raise InputError(
            "a torch file must hold tensors by name, alone or under one of "
            f"{', '.join(NESTS)}. Received: {path}"
        )
    return tensors


def complaint(error: Exception) -> str:
    """The gist of torch's message, whose advice is to run the code."""
    code = re.search(r"GLOBAL (\S+)", str(error))
    if code:
        return f"it refers to {code[1]}"
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first[:100]}"


def import_torch(path: pathlib.Path) -> Any:
    """torch, if there is one whose reader is safe."""
    if importlib.util.find_spec("torch") is None:
        raise InputError(
            f"{path.suffix} is read by torch: pip install torch, or convert "
            f"the file to .safetensors. Received: {path}"
        )
    import torch

    if tuple(map(int, torch.__version__.split(".")[:2])) < SAFE_TORCH:
        raise InputError(
            "torch before 2.6 may run code that a file holds: upgrade torch, "
            "or convert the file to .safetensors. "
            f"Received: torch {torch.__version__}"
        )
    return torch


def weights_in(content: Any) -> dict[Any, Any]:
    """The innermost table of a checkpoint that weights are nested in."""
    for _ in NESTS:  # a table may well hold itself
        if not isinstance(content, dict):
            return {}
        nested = (content.get(name) for name in NESTS)
        inner = next((part for part in nested if isinstance(part, dict)), None)
        if inner is None:
            break
        content = inner
    return content


def array(value: Any, name: str) -> np.ndarray:
    """A torch tensor as an array; bfloat16 as float32."""
    try:
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        return value.detach().numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise InputError(
            f"tensors must be dense and not quantized ({error}). "
            f"Received: {name}"
        ) from None
