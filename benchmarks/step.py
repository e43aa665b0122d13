"""A training step beside others', in turns, in one run.

    python benchmarks/step.py [--torch_python=PYTHON] [--output=FILE.json]
    python benchmarks/step.py --tricks [--output=FILE.json]

ResNet-50-D at 224 px and CIFAR ResNet-20 at 32, in float32 and bfloat16: ours,
the same network of stock Keras layers, keras.applications, keras-hub, and torch
with timm, eager and by torch.compile. `--tricks` has our own step with tricks
on beside it instead of them. `--gpu` runs the Keras contestants on JAX
and all of them on the GPU, and reckons which share of its peak is used. Run it
on an otherwise idle machine.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys

import input as harness
from turns import Settings

HERE = pathlib.Path(__file__).resolve().parent
KERAS = ("ours", "stock", "keras.applications", "keras_hub")
TORCH = ("torch", "torch.compile")
# Ours, each with something on that a step may do besides (see step_keras.py).
TRICKS = (
    *("ema_clip_mask", "agc", "adamw", "accumulate_2", "sam", "sam_every_10"),
    *("distill", "distill_twice"),
)
PRECISIONS = ("float32", "mixed_bfloat16")
# pixels, batch on a CPU and on a GPU, multiply-adds forward of an image
MODELS = {
    "resnet50_d": (224, 16, 256, 4.329e9),
    "resnet20": (32, 128, 1024, 0.0406e9),
}
PASSES = 3  # forward, and twice as much backward


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Training steps in turns.")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--only", default="", help="contestants beside ours")
    parser.add_argument("--tricks", action="store_true")
    parser.add_argument(
        "--torch_python",
        default=sys.executable,
        help="a Python with torch and timm",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8, help="of a turn")
    parser.add_argument(
        "--settle", type=float, default=1, help="seconds before a turn counts"
    )
    parser.add_argument(
        "--warm_up", type=float, default=4, help="seconds before all turns"
    )
    parser.add_argument("--batch_size", type=int, default=0)
    parser.add_argument(
        "--workers", type=int, default=len(os.sched_getaffinity(0))
    )
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument(
        "--peak_tflops", type=float, default=0, help="of the GPU, at bfloat16"
    )
    parser.add_argument("--output", help="a JSON file for all numbers")
    args = parser.parse_args(argv)
    for given, known in (
        (args.models, MODELS),
        (args.precisions, PRECISIONS),
        (args.only, KERAS + TORCH + TRICKS),
    ):
        for name in filter(None, given.split(",")):
            if name not in known:
                parser.error(f"choose of {list(known)}. Received: {name}")
    return args


def commands(model: str, args: argparse.Namespace) -> dict[str, list[str]]:
    """What starts each contestant."""
    device = ["CUDA_VISIBLE_DEVICES=0", "KERAS_BACKEND=jax"] if args.gpu else []
    known = [
        name for name in KERAS if model == "resnet50_d" or name in KERAS[:2]
    ]
    usual = TRICKS if args.tricks else (*KERAS, *TORCH)
    wanted = {"ours", *(args.only.split(",") if args.only else usual)}
    return {
        name: [
            *device,
            args.torch_python if name in TORCH else sys.executable,
            str(HERE / f"step_{'torch' if name in TORCH else 'keras'}.py"),
            f"{model}/{name}",
        ]
        for name in (*known, *TORCH, *TRICKS)
        if name in wanted
    }


def race(model: str, precision: str, args: argparse.Namespace) -> dict:
    """One network in one precision."""
    size, on_cpu, on_gpu, multiply_adds = MODELS[model]
    batch = args.batch_size or (on_gpu if args.gpu else on_cpu)
    print(f"\n## {model}, {size} px, batch {batch}, {precision}\n", flush=True)
    settings = Settings("", size, batch, args.workers, precision)
    found = harness.run_race(commands(model, args), settings, args)
    found["batch_size"] = batch
    if args.peak_tflops:
        found["mfu"] = {
            name: statistics.median(of_rounds)
            * (2 * PASSES * multiply_adds)
            / (args.peak_tflops * 1e12)
            for name, of_rounds in found["images_per_second"].items()
        }
        print("\nshare of the peak:", found["mfu"])
    return found


def main(argv: list[str]) -> int:
    """Runs all races; 1 if ours could not take part."""
    args = arguments(argv)
    result = {
        "command": harness.command(argv, "step.py"),
        **harness.machine(),
    }
    print(f"{result['cpu']}, {args.workers} threads; {args.rounds} rounds")
    for model in args.models.split(","):
        for precision in args.precisions.split(","):
            name = f"{model} {precision}"
            result[name] = race(model, precision, args)
            if args.output:  # after each: a race is long
                text = json.dumps(result, indent=1) + "\n"
                pathlib.Path(args.output).write_text(text, encoding="utf-8")
    return int(
        any(
            "ours" in found["skipped"]
            for found in result.values()
            if isinstance(found, dict)
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
