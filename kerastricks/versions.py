"""What was installed when a run was made."""

import importlib.metadata
import platform

from kerastricks import __version__


def versions() -> dict[str, str]:
    """Of everything that the numbers may depend on."""
    names = ("keras", "tensorflow", "tensorflow-cpu", "jax", "numpy")
    found = {"kerastricks": __version__}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | {"python": platform.python_version()}
