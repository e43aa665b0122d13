"""The batch stage of all contestants, each in a process of its own."""

import argparse
import os
import pathlib
import statistics
import sys

import input as harness
from turns import Contestant, Settings

HERE = pathlib.Path(__file__).resolve().parent
STAGE_BATCH = 128
SCRIPTS = {
    "ours": "augment_ours.py",
    "keras": "augment_peers.py",
    "keras-xla": "augment_peers.py",
    "keras_cv": "augment_peers.py",
    "keras_cv-xla": "augment_peers.py",
    "torchvision": "augment_torch.py",
    "timm": "augment_torch.py",
}
Rounds = dict[str, list[float]]


def command_of(name: str, args: argparse.Namespace) -> list[str]:
    """What starts a contestant; the peers are TensorFlow's or torch's."""
    ours = name == "ours"
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    torch = SCRIPTS[name] == "augment_torch.py"
    return [
        f"KERAS_BACKEND={backend if ours else 'tensorflow'}",
        args.torch_python if torch else sys.executable,
        str(HERE / SCRIPTS[name]),
        f"stage/{name}",
    ]


def start(
    args: argparse.Namespace,
) -> tuple[list[Contestant], dict[str, str]]:
    """(the contestants that made a batch, why the others did not)."""
    settings = Settings(
        "", args.image_size, args.batch_size or STAGE_BATCH, args.workers
    )
    wanted = {"ours", *(args.only or ",".join(SCRIPTS)).split(",")}
    names = filter(wanted.__contains__, SCRIPTS)
    commands = {name: command_of(name, args) for name in names}
    return harness.start_each(commands, settings)


def race_table(rates: Rounds, cpu_ms: Rounds) -> str:
    """Lines of Markdown, of images per second."""
    lines = [
        "| | ms/img | img/s | lowest..highest | ours is | CPU ms/img |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    found = harness.ratios(rates)
    for name, of_rounds in rates.items():
        rate = statistics.median(of_rounds)
        ratio = f"{found[name]:.2f}x" if name in found else ""
        lines.append(
            f"| {name} | {1e3 / rate:.3f} | {rate:.0f} "
            f"| {min(of_rounds):.0f}..{max(of_rounds):.0f} | {ratio} "
            f"| {statistics.median(cpu_ms[name]):.3f} |"
        )
    return "\n".join(lines)


def faster(ratios: dict[str, float]) -> dict[str, float]:
    """Our ratio to the faster way of those that ran both ways."""
    return {
        peer: min(ratios[peer], ratios[f"{peer}-xla"])
        for peer in ratios
        if f"{peer}-xla" in ratios
    }


def race(args: argparse.Namespace) -> dict:
    """The stage of all contestants."""
    contestants, skipped = start(args)
    if not contestants:
        return {"skipped": skipped}
    try:
        rates, cpu_ms = harness.compete(contestants, args)
    finally:
        for contestant in contestants:
            contestant.stop()
    ratios = harness.ratios(rates)
    print(f"\n{race_table(rates, cpu_ms)}\n")
    for peer, ratio in faster(ratios).items():
        print(f"- ours is {ratio:.2f}x the faster way of {peer}")
    return {
        "images_per_second": rates,
        "cpu_ms_per_image": cpu_ms,
        "ratios": ratios,
        "ratios_to_the_faster_way": faster(ratios),
        "about": {each.name: each.about for each in contestants},
        "versions": {each.name: each.versions for each in contestants},
        "skipped": skipped,
    }
