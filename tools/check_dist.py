"""The built wheel and sdist, used as somebody who has no checkout uses them.

    make dist-check

installs the wheel in an empty environment, trains a little demo in a folder
outside the checkout and reads its result; then builds a wheel from the sdist
and compares what is in the two.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import zipfile

DEMO = "--flagfile=configs/demo.flags --epochs=1 --sample_fraction=0.05"


def main(dist: pathlib.Path) -> None:
    wheel, sdist = only(dist, "*.whl"), only(dist, "*.tar.gz")
    version = wheel.name.split("-")[1]
    with tempfile.TemporaryDirectory(prefix="check_dist_") as name:
        folder = pathlib.Path(name)
        python = folder / "venv" / "bin" / "python"
        venv = [sys.executable, "-m", "venv", "venv"]
        step("an empty environment", venv, folder)
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        step(f"pip install {wheel.name}", [*pip, "install", wheel], folder)
        step("pip check", [*pip, "check"], folder)
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        train = [python, "-m", "kerastricks.train", *DEMO.split()]
        step(f"train {DEMO}", [*train, "--run_dir=runs/demo"], elsewhere)
        check_run(elsewhere / "runs" / "demo", version)
        again = [*pip, "wheel", "--no-deps", "--wheel-dir=again", sdist]
        step(f"pip wheel {sdist.name}", again, folder)
        same_files(wheel, only(folder / "again", "*.whl"))
    print(f"kerastricks {version}: installs, trains, and is the same from both")


def only(folder: pathlib.Path, pattern: str) -> pathlib.Path:
    """The one file of the pattern."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        sys.exit(
            f"there must be one {pattern} in {folder} (make dist). "
            f"Received: {len(found)}"
        )
    return found[0].resolve()


def step(about: str, command: list, folder: pathlib.Path) -> None:
    """Runs a command outside the checkout; ends everything if it fails."""
    start = time.monotonic()
    environment = os.environ | {
        "PYTHONPATH": "",
        "KERASTRICKS_CACHE": str(folder / "cache"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.monotonic() - start
    print(f"{about}: {done.returncode} in {seconds:.0f} s", flush=True)
    if done.returncode:
        sys.exit("\n".join(done.stdout.splitlines()[-30:]))


def check_run(folder: pathlib.Path, version: str) -> None:
    """The run is whole, and its numbers are numbers."""
    result = json.loads((folder / "result.json").read_text())
    if not (0 < result["top1"] <= 1 and result["epochs"] == 1):
        sys.exit(f"the demo's result is none. Received: {result}")
    if f"kerastricks {version}." not in (folder / "recipe.flags").read_text():
        sys.exit(f"recipe.flags must name the version. Received: {version}")
    for name in ("report.html", "saved_model/saved_model.pb"):
        if not (folder / name).is_file():
            sys.exit(f"a run leaves its report and model. Received: no {name}")
    print(f"top-1 {result['top1']:.3f} after one epoch on a twentieth")


def same_files(one: pathlib.Path, other: pathlib.Path) -> None:
    """Two wheels hold the same files, to the byte."""
    held = []
    for path in (one, other):
        with zipfile.ZipFile(path) as wheel:
            held.append({info.filename: info.CRC for info in wheel.infolist()})
    differ = sorted(
        name for name, _ in set(held[0].items()) ^ set(held[1].items())
    )
    if differ:
        sys.exit(
            "the sdist's wheel must be the wheel. Received: another "
            f"{', '.join(dict.fromkeys(differ))}"
        )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if sys.argv[1:] else "dist"))
