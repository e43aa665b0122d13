"""Image classifiers with every training trick that pays, in Keras.

    import kerastricks

    recipe = kerastricks.Recipe(data="shapes", epochs=10, mixup=0.2)
    result = kerastricks.run(recipe)
    print(result.top1, result.run_dir)

Importing this package imports neither Keras nor TensorFlow: that happens when
something starts to work.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

from kerastricks.config import Recipe
from kerastricks.errors import InputError, RunError
from kerastricks.experiment import Result, run

__all__ = ["InputError", "Recipe", "Result", "RunError", "run"]

_PACKAGES = (
    "augment",
    "data",
    "evaluation",
    "layers",
    "losses",
    "models",
    "optimizers",
    "schedules",
    "training",
)


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"kerastricks.{name}")
    raise AttributeError(f"module 'kerastricks' has no attribute {name!r}")
