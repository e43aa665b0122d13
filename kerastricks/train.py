"""python -m kerastricks.train --flagfile=configs/demo.flags [--flag=value ...]

Trains a classifier as the flags say and writes the run's folder: weights,
result.json, report.html, a SavedModel. The same command again goes on where it
stopped. Without flags it trains a ResNet-18-D on the built-in images, which
takes long on a CPU; configs/demo.flags is the quick way to see everything.
"""

from collections.abc import Sequence

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.experiment import one_line, run


def main(argv: Sequence[str]) -> None:
    """Trains, and says where everything is."""
    result = run(*flags.parse_said(argv, __doc__))
    folder = result.run_dir
    print(f"\n{one_line(result)}")
    print(f"report      {folder / 'report.html'}")
    if (folder / "saved_model").is_dir():
        print(f"SavedModel  {folder / 'saved_model'}")
    print(f"try it      python -m kerastricks.predict --run_dir={folder} FILE")


if __name__ == "__main__":
    run_command(main)
