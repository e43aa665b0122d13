"""python -m kerastricks.evaluate --run_dir=DIR [--tta=center+4] [--compare=RUN]

Classifies every validation image of a run once more, with its best weights in
float32, prints what that comes to, and writes to DIR/evaluation: report.html,
evaluation.json, predictions.csv and classes.csv. --run_dir=A,B,C averages the
predictions of several runs; --compare sets another run beside them.
"""

from collections.abc import Sequence
from typing import Any

from kerastricks import flags, run_dir, view_flags
from kerastricks.command import run_command
from kerastricks.errors import InputError
from kerastricks.hardware import choose_backend
from kerastricks.run_dir import open_run, open_runs
from kerastricks.targets import writable

DATA = flags.Flag(
    "data", "", "other data of the same classes; empty: the run's"
)
TTA = flags.Flag(
    "tta",
    "",
    "test-time augmentation: center+4 (fast.ai's), flip, fivecrop, tencrop, "
    "multiscale or multiscale=A/B/...; empty: none",
)
COMPARE = flags.Flag(
    "compare", "", "another run, judged on the same images; empty: none"
)
OUTPUT = flags.Flag(
    "output", "", "folder to write; empty: evaluation/ in the (first) run's"
)
GRAD_CAM = flags.Flag(
    "grad_cam",
    8,
    "worst mistakes that the report shows what speaks for; 0: none",
)
GRAD_CAM_IMAGES = flags.Flag(
    "grad_cam_images",
    "",
    "of these images instead: ends of their names, with commas between",
)
FLAGS = (
    *(run_dir.FLAG, DATA, TTA, *view_flags.COMBINED),
    *(COMPARE, OUTPUT, GRAD_CAM, GRAD_CAM_IMAGES),
)


def main(argv: Sequence[str]) -> None:
    """Evaluates, prints and writes."""
    values = flags.parse_alone("evaluate", argv, __doc__, FLAGS)
    folders = open_runs(values["run_dir"]) or [open_run("")]
    check(values)
    output = writable(values["output"] or folders[0].path / "evaluation")
    choose_backend(folders[0].recipe().run.backend)

    from kerastricks.assess.evaluation import evaluate

    evaluate(
        folders,
        open_run(values["compare"]) if values["compare"] else None,
        data=values["data"],
        tta=view_flags.tta(values),
        output=output,
        grad_cam=values["grad_cam"],
        grad_cam_images=split(values["grad_cam_images"]),
    )


def check(values: dict[str, Any]) -> None:
    """Refuses what contradicts itself."""
    if values["grad_cam"] < 0:
        raise InputError(
            "grad_cam must not be negative. "
            f"Received: grad_cam={values['grad_cam']}"
        )
    view_flags.refuse_idle(values)


def split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


if __name__ == "__main__":
    run_command(main)
