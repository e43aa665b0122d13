"""Measures everything: tests/conformance/measured.json.

Run: python tools/conformance/run.py --torch_python=PYTHON [--images=DIR]

PYTHON has torch, torchvision, timm and Pillow; without it, without keras-cv or
without photos, what was recorded before stays. Then
`python tools/conformance/page.py --write` makes docs/conformance.md.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent), str(ROOT)]
MEASURED = ROOT / "tests" / "conformance" / "measured.json"
WITH_TORCH = ("torchvision", "timm")
ALL = ("paper", *WITH_TORCH, "Keras", "keras-cv", "ours")


def contestant(name: str, python: str) -> dict[str, Any] | None:
    """What measure.py prints, or None where it cannot run."""
    command = [python, str(HERE / "measure.py"), name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(f"{name}: not measured, what was recorded stays")
        return None
    return json.loads(done.stdout)


def clipping(images: str, python: str) -> dict[str, Any]:
    from conformance.clipping import measured
    from conformance.stats import rounded

    with tempfile.TemporaryDirectory() as folder:
        script = str(HERE / "clipping_peer.py")
        subprocess.run([python, script, images, folder], check=True)
        return rounded(measured(pathlib.Path(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--torch_python", default="", help="a Python with torch"
    )
    parser.add_argument("--images", default="", help="folder of photos")
    parser.add_argument("--only", default=",".join(ALL), help="whom to measure")
    asked = parser.parse_args()
    found = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    for name in filter(None, asked.only.split(",")):
        python = asked.torch_python if name in WITH_TORCH else sys.executable
        entry = contestant(name, python) if python else None
        if entry:
            found.setdefault("contestants", {})[name] = entry
    if asked.images and asked.torch_python:
        found["clipping"] = clipping(asked.images, asked.torch_python)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    MEASURED.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
