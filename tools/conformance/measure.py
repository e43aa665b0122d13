"""Measures one contestant: python tools/conformance/measure.py NAME [KEY ...]

Prints JSON: {"versions": ..., "tricks": {key: {"setting": ..., "n": ...,
"numbers": {quantity: value}}}}; what fails has "error" instead of "numbers".
"""

import importlib
import json
import os
import pathlib
import re
import sys
import time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
TOOLS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOOLS), str(TOOLS.parent)]

from conformance.adaptor import Adaptor  # noqa: E402
from conformance.probes import probe_of  # noqa: E402
from conformance.stats import rounded  # noqa: E402

MODULES = {
    "paper": "laws",
    "torchvision": "torch_peers",
    "timm": "timm_peers",
    "Keras": "keras_peers",
    "keras-cv": "keras_cv_peers",
    "ours": "ours",
}


def measured(key: str, adaptor: Adaptor, calls: int = 0) -> dict[str, Any]:
    """What a probe reads off one trick, or what it fails with."""
    probe = probe_of(key)
    calls = calls or probe.calls
    entry: dict[str, Any] = {"setting": adaptor.setting}
    try:
        numbers = probe.measure(adaptor.make(), calls)
    except Exception as error:  # a peer may raise anything
        return {**entry, "error": f"{type(error).__name__}: {reason(error)}"}
    return {**entry, "n": calls * probe.batch, "numbers": rounded(numbers)}


def reason(error: Exception) -> str:
    """Its first line, or what follows the prefaces of Keras and TensorFlow."""
    text = re.sub(r"\x1b\[\d*m", "", str(error))
    text = re.sub(r"(?s).*Exception encountered when calling [^\n]*", "", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0] == "in user code:":
        lines = lines[-1:]
    return (lines or [""])[0].partition(" for '{{node")[0][:120]


def main() -> None:
    name, *keys = sys.argv[1:]
    module = importlib.import_module(f"conformance.{MODULES[name]}")
    tricks = {}
    for key, adaptor in module.CONTESTANT.items():
        if keys and key not in keys:
            continue
        module.seed()
        start = time.monotonic()
        tricks[key] = measured(key, adaptor)
        taken = time.monotonic() - start
        print(f"{name}: {key}, {taken:.0f} s", file=sys.stderr)
    print(json.dumps({"versions": module.versions(), "tricks": tricks}))


if __name__ == "__main__":
    main()
