"""From a trained classifier to files that need no Python.

serving.write_export       a folder with all formats, proven and described
serving.write_saved_model  the SavedModel alone
"""

import importlib
from typing import Any

# By their modules, which import TensorFlow: the command's --help does not.
_HOMES = {"write_export": "write", "write_saved_model": "saved_model"}

__all__ = ["write_export", "write_saved_model"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(module, name)
