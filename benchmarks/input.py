"""Our input pipeline beside others', in turns, in one run.

    python benchmarks/input.py --images=DIR [--torch_python=PYTHON]

For each task: images per second of every contestant (median, lowest, highest
of the rounds), our ratio to each, the median of the rounds' ratios, and the CPU
time that an image takes, which other load disturbs less. Run it on an otherwise
idle machine; `make bench` installs what it compares with.
"""

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import platform
import re
import statistics
import sys

from turns import Contestant, Settings

HERE = pathlib.Path(__file__).resolve().parent
TORCH = ("torchvision", "timm")  # contestants that need another Python
PLACES = ("--images", "--torch_python", "--output")
MEMORY_EPOCHS = 4  # the first fills the pools


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be made, and by whom; the first is what others are held to."""

    title: str
    contestants: tuple[str, ...]


TASKS = {
    "crop": Task(
        "random resized crop + flip",
        ("ours", "torchvision", "tf.image", "keras", "keras_cv"),
    ),
    "floor": Task(
        "ours beside decode + crop + resize alone",
        (
            "ours",
            "ours-host",
            "plain",
            "antialias",
            "antialias-accurate",
        ),
    ),
    "everything": Task(
        "crop, flip, jitter, PCA, erasing, mixup, normalise",
        ("ours", "timm", "torchvision", "keras", "keras_cv"),
    ),
    "randaugment": Task(
        "crop, flip, RandAugment n2 m9",
        ("ours", "timm", "torchvision", "keras"),
    ),
}
Rounds = dict[str, list[float]]


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="Input pipelines in turns.")
    parser.add_argument(
        "--images", required=True, help="folder with JPEGs anywhere below"
    )
    parser.add_argument(
        "--torch_python",
        default=sys.executable,
        help="a Python with torch, torchvision and timm",
    )
    parser.add_argument("--tasks", default=",".join([*TASKS, "memory"]))
    parser.add_argument("--only", default="", help="contestants beside ours")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5, help="of a turn")
    parser.add_argument(
        "--settle", type=float, default=1, help="seconds before each turn"
    )
    parser.add_argument(
        "--warm_up", type=float, default=8, help="seconds before all turns"
    )
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=cores)
    parser.add_argument(
        "--epoch_images", type=int, default=10_000, help="of the memory task"
    )
    parser.add_argument("--output", help="a JSON file for all numbers")
    args = parser.parse_args(argv)
    for name in args.tasks.split(","):
        if name not in (*TASKS, "memory"):
            parser.error(f"tasks are {[*TASKS, 'memory']}. Received: {name}")
    return args


def commands_of(
    task: str, names: tuple[str, ...], args: argparse.Namespace
) -> tuple[dict[str, list[str]], Settings]:
    """What starts each contestant, and what all of them share."""
    commands = {}
    for name in names:
        script = "torch_peers.py" if name in TORCH else "peers.py"
        python = args.torch_python if name in TORCH else sys.executable
        commands[name] = [python, str(HERE / script), f"{task}/{name}"]
    return commands, Settings(
        args.images, args.image_size, args.batch_size, args.workers
    )


def start_each(
    commands: dict[str, list[str]], settings: Settings
) -> tuple[list[Contestant], dict[str, str]]:
    """Starts them one after the other: starting up takes all cores."""
    ready, skipped = [], {}
    for name, command in commands.items():
        contestant = Contestant(name, command, settings)
        if reason := contestant.ready():
            contestant.stop()
            # Without paths of this machine: results are for publishing.
            skipped[name] = re.sub(r"(?<!\w)/[^\s)]+", "…", reason)
            print(f"- {name}: SKIPPED, {skipped[name]}", flush=True)
        else:
            ready.append(contestant)
            print(f"- {name}: {contestant.about}", flush=True)
    return ready, skipped


def compete(
    contestants: list[Contestant], args: argparse.Namespace
) -> tuple[Rounds, Rounds]:
    """Images per second, and CPU milliseconds per image, one a round."""
    for contestant in contestants:
        contestant.turn(args.warm_up, args.seconds)
    rates: Rounds = {contestant.name: [] for contestant in contestants}
    times: Rounds = {contestant.name: [] for contestant in contestants}
    for i in range(args.rounds):
        # Who is first changes: a turn's heat is the next one's.
        shift = i % len(contestants)
        for contestant in contestants[shift:] + contestants[:shift]:
            rate, cpu_ms = contestant.turn(args.settle, args.seconds)
            rates[contestant.name].append(rate)
            times[contestant.name].append(cpu_ms)
    return rates, times


def ratios(rates: Rounds) -> dict[str, float]:
    """Ours over each other's, the median of the rounds'."""
    ours = rates.get("ours")
    if ours is None:
        return {}
    return {
        name: statistics.median(
            a / b for a, b in zip(ours, theirs, strict=True)
        )
        for name, theirs in rates.items()
        if name != "ours"
    }


def table(rates: Rounds, times: Rounds) -> str:
    """Lines of Markdown."""
    lines = [
        "| | img/s | lowest..highest | ours is | CPU ms/img |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    found = ratios(rates)
    for name, of_rounds in rates.items():
        ratio = f"{found[name]:.2f}x" if name in found else ""
        lines.append(
            f"| {name} | {statistics.median(of_rounds):.0f} "
            f"| {min(of_rounds):.0f}..{max(of_rounds):.0f} | {ratio} "
            f"| {statistics.median(times[name]):.2f} |"
        )
    return "\n".join(lines)


def race(name: str, args: argparse.Namespace) -> dict:
    """Runs a task and prints its table."""
    task = TASKS[name]
    print(f"\n## {name}: {task.title}\n", flush=True)
    wanted = {"ours", *(args.only or ",".join(task.contestants)).split(",")}
    names = tuple(name for name in task.contestants if name in wanted)
    return run_race(*commands_of(name, names, args), args)


def run_race(
    commands: dict[str, list[str]],
    settings: Settings,
    args: argparse.Namespace,
) -> dict:
    """Starts them, lets them take turns, prints the table."""
    contestants, skipped = start_each(commands, settings)
    if not contestants:
        return {"skipped": skipped}
    try:
        rates, times = compete(contestants, args)
        print(f"\n{table(rates, times)}", flush=True)
    finally:
        for contestant in contestants:
            contestant.stop()
    return {
        "images_per_second": rates,
        "cpu_ms_per_image": times,
        "ratios": ratios(rates),
        "about": {each.name: each.about for each in contestants},
        "versions": {each.name: each.versions for each in contestants},
        "skipped": skipped,
    }


def remember(args: argparse.Namespace) -> dict:
    """Resident memory of our pipeline, epoch after epoch."""
    print(f"\n## memory: ours, epochs of {args.epoch_images} images\n")
    contestants, skipped = start_each(*commands_of("memory", ("ours",), args))
    if not contestants:
        return {"skipped": skipped}
    try:
        found = contestants[0].epochs(MEMORY_EPOCHS, args.epoch_images)
    finally:
        contestants[0].stop()
    for i, megabytes in enumerate(found):
        note = " (warm-up)" if i == 0 else ""
        print(f"  after epoch {i}: {megabytes:.0f} MB{note}")
    return {"megabytes": found, "about": contestants[0].about}


def machine() -> dict[str, str | int]:
    """What the numbers were measured on."""
    about = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [
        line.partition(":")[2].strip()
        for line in about.splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
    }


def command(argv: list[str], script: str = "input.py") -> str:
    """What was run, without where things lie on this machine."""
    shown = []
    for before, given in itertools.pairwise(["", *argv]):
        name, equals, _ = given.partition("=")
        if before in PLACES:
            given = "…"
        elif name in PLACES and equals:
            given = f"{name}=…"
        shown.append(given)
    return " ".join([f"python benchmarks/{script}", *shown])


def main(argv: list[str]) -> int:
    """Runs the tasks; 1 if ours could not take part."""
    args = arguments(argv)
    images = len(Settings(args.images, 0, 0, 0).files())
    if not images:
        print(f"the folder must hold JPEGs. Received: images={args.images}")
        return 2
    result = {"command": command(argv), "images": images, **machine()}
    print(
        f"{result['cpu']}, {args.workers} workers; {images} images, "
        f"{args.image_size} px, batch {args.batch_size}; {args.rounds} rounds "
        f"of {args.seconds:g} s"
    )
    for name in args.tasks.split(","):
        found = remember(args) if name == "memory" else race(name, args)
        result[name] = found
    if args.output:
        text = json.dumps(result, indent=1) + "\n"
        pathlib.Path(args.output).write_text(text, encoding="utf-8")
    missing = [
        name
        for name in args.tasks.split(",")
        if "ours" in result[name].get("skipped", {})
    ]
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
