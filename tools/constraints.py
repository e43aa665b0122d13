"""The versions that the images are pinned to, as pip picks them today.

    make constraints

asks pip, in an empty environment, what kerastricks[cuda] would be installed
with, and writes docker/constraints.txt; the image without CUDA takes its share
of it. Resolved and not installed: CUDA's libraries are gigabytes.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILE = ROOT / "docker" / "constraints.txt"
EXTRA = "cuda"


def main() -> None:
    wanted = image_python((ROOT / "docker" / "Dockerfile").read_text())
    own = "{}.{}".format(*sys.version_info)
    if own != wanted:
        sys.exit(
            "constraints are made by the Python of the images. "
            f"Received: Python {own} (images: {wanted}); "
            f"try make constraints PYTHON=python{wanted}"
        )
    with tempfile.TemporaryDirectory() as folder:
        report = resolve(pathlib.Path(folder))
    pins = pinned(report)
    head = f"# Written by `make constraints` with Python {own}; do not edit.\n"
    FILE.write_text(head + "".join(f"{pin}\n" for pin in pins))
    print(f"{len(pins)} versions in {FILE.relative_to(ROOT)}")


def image_python(dockerfile: str) -> str:
    """The Python of an image, such as 3.11."""
    found = re.search(r"^FROM python:(\d+\.\d+)", dockerfile, re.M)
    if not found:
        raise ValueError("a Dockerfile starts FROM python:X.Y")
    return found[1]


def resolve(folder: pathlib.Path) -> dict:
    """pip's report of what it would install into an empty environment."""
    python = folder / "venv" / "bin" / "python"
    pip = [python, "-m", "pip"]
    report = folder / "report.json"
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", folder / "venv"], check=True
        )
        subprocess.run(
            [*pip, "install", "--quiet", "--upgrade", "pip"], check=True
        )
        subprocess.run(
            [*pip, "install", "--dry-run", "--quiet", "--ignore-installed"]
            + ["--report", report, f"{ROOT}[{EXTRA}]"],
            check=True,
            env=os.environ | {"PIP_CONSTRAINT": ""},
        )
    except subprocess.CalledProcessError as error:
        sys.exit(f"pip found no versions that go together ({error})")
    return json.loads(report.read_text())


def pinned(report: dict) -> list[str]:
    """name==version of everything but the package itself, by name."""
    found = [entry["metadata"] for entry in report["install"]]
    pins = {entry["name"].lower(): entry["version"] for entry in found}
    pins.pop("kerastricks", None)
    return [f"{name}=={pins[name]}" for name in sorted(pins)]


if __name__ == "__main__":
    main()
