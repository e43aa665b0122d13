"""Contestants that wait for their turn, each in a process of its own.

A contestant starts up, makes its first batch and says so; from then on it is
frozen (SIGSTOP, its loader's processes too) except in its own turns. So no two
ever run at the same time, start-up is not measured, and TensorFlow and torch
need not share a Python. Standard library only: every contestant imports it.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUFFIXES = (".jpg", ".jpeg")
JPEG = b"\xff\xd8\xff"
NUM_CLASSES = 1000
# Nobody uses a GPU: the subject is the host. Keras runs on TensorFlow.
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all contestants of a task share."""

    images: str
    size: int
    batch: int
    workers: int
    precision: str = "float32"

    def files(self) -> list[str]:
        """The JPEGs below the folder, in order of name."""
        return sorted(
            str(path)
            for path in pathlib.Path(self.images).rglob("*")
            if path.suffix.lower() in SUFFIXES and starts_as_jpeg(path)
        )


# A contestant's text says what it does; its iterator makes a batch and gives
# the number of images in it, for ever.
Made = tuple[str, Iterator[int]]
Maker = Callable[[Settings], Made]


def starts_as_jpeg(path: pathlib.Path) -> bool:
    """Whether the file is what its name says."""
    with open(path, "rb") as file:
        return file.read(len(JPEG)) == JPEG


class Contestant:
    """A process that measures itself when told to.

    Args:
        name: how tables call it.
        command: what starts it, settings left out.
    """

    def __init__(
        self, name: str, command: list[str], settings: Settings
    ) -> None:
        self.name = name
        self.about = ""
        self.versions: dict[str, str] = {}
        self._log = tempfile.TemporaryFile("w+")
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            # Through env, so that a Python that is not there is a process
            # that fails, as one without the packages is.
            ["env", *command, json.dumps(dataclasses.asdict(settings))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            # A group of its own to freeze, in our session: should we be
            # killed, the kernel wakes and ends what is frozen.
            process_group=0,
            env=os.environ
            | ENVIRONMENT
            | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )

    def ready(self) -> str:
        """Waits for the first batch; gives the reason if there is none."""
        answer = self._answer()
        self.about = answer.get("about", "")
        self.versions = answer.get("versions", {})
        self._signal(signal.SIGSTOP)
        return answer.get("error", "")

    def turn(self, settle: float, seconds: float) -> tuple[float, float]:
        """(images per second, milliseconds of CPU per image) of one turn."""
        self._signal(signal.SIGCONT)
        answer = self._ask(settle=settle, seconds=seconds)
        self._signal(signal.SIGSTOP)
        return answer["rate"], answer["cpu_ms"]

    def epochs(self, epochs: int, images: int) -> list[float]:
        """Resident MB after each of some epochs of so many images."""
        self._signal(signal.SIGCONT)
        return self._ask(epochs=epochs, images=images)["megabytes"]

    def stop(self) -> None:
        """Ends it and what it started."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._log.close()

    def _ask(self, **question: float) -> dict[str, Any]:
        # One that has died gives no answer, which says more.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise RuntimeError(f"{self.name} stopped: {answer['error']}")
        return answer

    def _answer(self) -> dict[str, Any]:
        if line := self._process.stdout.readline():
            return json.loads(line)
        # It did not get as far as `serve`: an import has failed.
        self._log.seek(0)
        return {"error": (["no output"] + self._log.read().split("\n"))[-2]}

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def serve(makers: dict[str, Maker], packages: list[str]) -> None:
    """The contestant's side: makes one of these and answers until the end.

    Args:
        makers: by TASK/NAME.
        packages: those whose versions matter.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=sorted(makers))
    parser.add_argument("settings", type=json.loads)
    args = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print is no answer

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=answers, flush=True)

    try:
        about, sizes = makers[args.name](Settings(**args.settings))
        next(sizes)
        answer(about=about, versions=versions(packages))
        for line in sys.stdin:
            answer(**measure(sizes, **json.loads(line)))
    except Exception as error:
        reason = str(error).strip() or "no reason given"
        answer(error=f"{type(error).__name__}: {reason.splitlines()[0]}")
        raise


def measure(sizes: Iterator[int], **question: Any) -> dict[str, Any]:
    """The answer to a question."""
    if "epochs" in question:
        return {"megabytes": list(memory(sizes, **question))}
    return speed(sizes, **question)


def speed(
    sizes: Iterator[int], settle: float, seconds: float
) -> dict[str, float]:
    """Images per second; what was ready in buffers goes by uncounted."""
    end = time.perf_counter() + settle
    while time.perf_counter() < end:
        next(sizes)
    began, used = time.perf_counter(), cpu_seconds()
    images, spent = 0, 0.0
    while spent < seconds:
        images += next(sizes)
        spent = time.perf_counter() - began
    used = cpu_seconds() - used
    return {"rate": images / spent, "cpu_ms": 1e3 * used / images}


def cpu_seconds() -> float:
    """Of this process and the loader's processes: of our group."""
    ticks = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # gone meanwhile
            # After the name in brackets: state, parent, group ... times.
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[2]) == os.getpgrp():
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(sizes: Iterator[int], epochs: int, images: int) -> Iterator[float]:
    """Resident MB of this process after each epoch."""
    for _ in range(epochs):
        seen = 0
        while seen < images:
            seen += next(sizes)
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        yield pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def versions(packages: list[str]) -> dict[str, str]:
    """Of the packages that have been imported."""
    found = {"python": sys.version.split()[0]}
    for name in packages:
        if name in sys.modules:
            found[name] = str(sys.modules[name].__version__)
    return found
