"""What the batch tricks cost: alone, beside others', and inside the step.

    KERAS_BACKEND=tensorflow python benchmarks/augment.py [--tasks=stage,step]

stage: milliseconds per image of everything on, beside keras.layers, keras-cv,
torchvision and timm, on the CPU; then ours trick by trick, on the device. step:
a training step with everything on beside one with nothing on. All in turns.
Run it on an otherwise idle machine, once for each backend.
"""

import argparse
import json
import os
import pathlib
import sys

import input as harness
from augment_race import SCRIPTS, STAGE_BATCH, race
from in_process import numbers, take_turns, turns_table
from turns import versions

TASKS = ("stage", "step")
PACKAGES = ["tensorflow", "jax", "jaxlib", "keras", "numpy", "kerastricks"]


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="Batch tricks in turns.")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--only", default="", help="contestants beside ours")
    parser.add_argument(
        "--torch_python",
        default=sys.executable,
        help="a Python with torch, torchvision and timm",
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--seconds", type=float, default=5, help="of a turn; a trick's: a fifth"
    )
    parser.add_argument(
        "--settle", type=float, default=1, help="seconds before a stage's turn"
    )
    parser.add_argument(
        "--warm_up", type=float, default=2, help="seconds before all turns"
    )
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument(
        "--batch_size",
        type=int,
        default=0,
        help="0: 128; of the step on a CPU 16",
    )
    parser.add_argument("--model", default="resnet50_d")
    parser.add_argument(
        "--precision", default="auto", help="of the step: a Keras dtype policy"
    )
    parser.add_argument("--workers", type=int, default=cores)
    parser.add_argument("--output", help="a JSON file for all numbers")
    args = parser.parse_args(argv)
    for name in args.tasks.split(","):
        if name not in TASKS:
            parser.error(f"tasks are {list(TASKS)}. Received: {name}")
    for name in filter(None, args.only.split(",")):
        if name not in SCRIPTS:
            parser.error(f"contestants are {list(SCRIPTS)}. Received: {name}")
    return args


def stage(args: argparse.Namespace) -> dict:
    """The race, then ours trick by trick."""
    batch = args.batch_size or STAGE_BATCH
    print(f"\n## stage: batch {batch}, {args.image_size} px, on the CPU\n")
    result = {"batch_size": batch, "image_size": args.image_size, **race(args)}
    import augment_ours

    print(f"\n### ours, trick by trick, on {augment_ours.device()}\n")
    works = augment_ours.stages(batch, args.image_size)
    times = take_turns(works, args.rounds, args.seconds / 5)
    print(turns_table(times, batch), flush=True)
    return result | {"tricks": numbers(times)}


def step(args: argparse.Namespace) -> dict:
    """The training step with everything on and with nothing on."""
    import augment_ours
    import augment_step

    works, about = augment_step.steps(args)
    shown = ", ".join(f"{name} {value}" for name, value in about.items())
    print(f"\n## step: {shown}, on {augment_ours.device()}\n", flush=True)
    times = take_turns(works, args.rounds, args.seconds)
    print(turns_table(times, about["batch_size"]), flush=True)
    return about | numbers(times)


def command(argv: list[str]) -> str:
    """What was run, without where things lie on this machine."""
    backend = os.environ["KERAS_BACKEND"]
    return f"KERAS_BACKEND={backend} {harness.command(argv, 'augment.py')}"


def main(argv: list[str]) -> int:
    """Runs the tasks; 1 if ours could not take part."""
    args = arguments(argv)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    machine = harness.machine()
    print(
        f"{machine['cpu']}, {machine['cores']} cores; "
        f"{os.environ['KERAS_BACKEND']}; {args.rounds} rounds of "
        f"{args.seconds:g} s"
    )
    tasks = {"stage": stage, "step": step}
    result = {"command": command(argv), **machine}
    for name in args.tasks.split(","):
        result[name] = tasks[name](args)
    import augment_ours

    result |= {
        "backend": os.environ["KERAS_BACKEND"],
        "device": augment_ours.device(),
        "versions": versions(PACKAGES),
    }
    if args.output:
        text = json.dumps(result, indent=1) + "\n"
        pathlib.Path(args.output).write_text(text, encoding="utf-8")
    return 1 if "ours" in result.get("stage", {}).get("skipped", {}) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
