"""What `auto` stands for on this machine."""

import importlib.util
import os
import pathlib
import sys
from collections.abc import Collection

from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.finetuning import expanded

POLICIES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def resolve(recipe: Recipe, said: Collection[str] = ()) -> Recipe:
    """The recipe with what is left open spelled out; imports Keras."""
    recipe = recipe.replace(backend=choose_backend(recipe.run.backend))
    recipe = recipe.replace(devices=choose_devices(recipe.run.devices))
    recipe = expanded(recipe, said).settled().validate()
    return recipe.replace(precision=choose_precision(recipe.run.precision))


def choose_backend(wanted: str) -> str:
    """Settles Keras's backend, which must happen before Keras is imported."""
    if "keras" in sys.modules:
        import keras

        loaded = keras.backend.backend()
        if wanted not in ("auto", loaded):
            raise InputError(
                "Keras is already loaded with another backend; set "
                f"KERAS_BACKEND={wanted} before Python starts. "
                f"Received: backend={wanted}, loaded: {loaded}"
            )
        return loaded
    if wanted == "auto":
        wanted = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if wanted not in ("tensorflow", "jax"):
        raise InputError(
            "kerastricks runs on the tensorflow and jax backends. "
            f"Received: KERAS_BACKEND={wanted}"
        )
    if importlib.util.find_spec(wanted) is None:
        raise InputError(
            f"the {wanted} backend needs the package {wanted}; install it with "
            f"pip install {wanted}. Received: backend={wanted}"
        )
    os.environ["KERAS_BACKEND"] = wanted
    return wanted


def choose_devices(wanted: int) -> int:
    """How many there are to be."""
    if wanted == 1:
        return 1
    from kerastricks.backend import device_names

    there = device_names()
    if wanted > len(there):
        raise InputError(
            "a run takes no more devices than its backend sees "
            f"({', '.join(there)}). Received: devices={wanted}"
        )
    return wanted or len(there)


def choose_precision(wanted: str) -> str:
    """The name of a Keras dtype policy."""
    if wanted != "auto":
        return POLICIES.get(wanted, wanted)
    from kerastricks.backend import accelerator_has_bfloat16

    native = accelerator_has_bfloat16()
    if native is None:
        native = cpu_has_bfloat16()
    return "mixed_bfloat16" if native else "float32"


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself (Linux on x86 tells)."""
    try:
        about = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in about or "amx_bf16" in about
