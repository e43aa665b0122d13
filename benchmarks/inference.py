"""The exported ResNet-50-D beside others', in turns, in one run, on the CPU.

    python benchmarks/inference.py [--torch_python=PYTHON] [--output=FILE.json]

Logits of float images at 224 px, one by one and sixteen at a time: the export,
with its batch norms folded; the same without; stock Keras layers; timm's
network in torch and in onnxruntime. Run it on an otherwise idle machine.
"""

import json
import pathlib
import sys

import input as harness
from step import arguments
from turns import Settings

HERE = pathlib.Path(__file__).resolve().parent
KERAS = ("ours", "unfolded", "stock")
TORCH = ("torch", "onnxruntime")
SIZE, BATCHES = 224, (1, 16)


def main(argv: list[str]) -> int:
    """Runs both races; 1 if ours could not take part."""
    args = arguments(argv)
    result = {
        "command": harness.command(argv, "inference.py"),
        **harness.machine(),
    }
    commands = {
        name: [
            sys.executable if name in KERAS else args.torch_python,
            str(HERE / f"inference_{'keras' if name in KERAS else 'torch'}.py"),
            name,
        ]
        for name in KERAS + TORCH
    }
    for batch in BATCHES:
        print(f"\n## batch {batch}, {SIZE} px\n", flush=True)
        settings = Settings("", SIZE, batch, args.workers)
        result[f"batch {batch}"] = harness.run_race(commands, settings, args)
    if args.output:
        text = json.dumps(result, indent=1) + "\n"
        pathlib.Path(args.output).write_text(text, encoding="utf-8")
    return int("ours" in result["batch 1"]["skipped"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
