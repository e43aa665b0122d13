"""python -m kerastricks.find_lr [--flagfile=FILE] [--any_flag=...]

Looks for a learning rate: trains a few steps at a rate that rises from step to
step, as the flags have the data, the model and the optimizer, once for each of
several seeds, and says where the loss falls best. Draws the curves on the
terminal and in find_lr.png. With --plot_schedule nothing is trained: it draws
the learning rate that a run with these flags would have at every step.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.config import Recipe, idle_knobs
from kerastricks.errors import InputError
from kerastricks.files import replacing
from kerastricks.hardware import resolve
from kerastricks.progress import Progress
from kerastricks.targets import writable_file

if TYPE_CHECKING:
    from kerastricks.build import Splits
    from kerastricks.report.lr_chart import Chart
    from kerastricks.training.lr_finder import LrCurve

START = flags.Flag("start_lr", 1e-7, "first rate, in --learning_rate's unit")
END = flags.Flag("end_lr", 10.0, "last rate, likewise")
STEPS = flags.Flag("steps", 100, "training steps of a run, 21 or more")
SEEDS = flags.Flag("seeds", 3, "runs: of --seed and those after it")
OUTPUT = flags.Flag("output", "find_lr.png", "file to write")
PLOT = flags.Flag("plot_schedule", False, "draw the schedule, train nothing")
OWN = (START, END, STEPS, SEEDS, OUTPUT, PLOT)
FLAGS = (*OWN, *flags.RECIPE_FLAGS)

POINTS = 500  # of a schedule's curve


def main(argv: Sequence[str]) -> None:
    """Searches or draws."""
    values = flags.parse_alone("find_lr", argv, __doc__, FLAGS)
    options = {flag.name: values.pop(flag.name) for flag in OWN}
    recipe = Recipe(**values).validate()
    check(options)
    recipe = resolve(recipe.replace(devices=1))
    for warning in idle_knobs(recipe):
        print(f"warning  {warning}")
    target = writable_file(options["output"])

    from kerastricks import build
    from kerastricks.report import lr_chart

    splits = build.data(recipe)
    recipe = build.settle(recipe, splits)
    if options["plot_schedule"]:
        charts, lines = schedule_charts(recipe, splits), []
    else:
        curve = search(recipe, splits, options)
        charts, lines = [finder_chart(recipe, curve)], advice(recipe, curve)
    with replacing(target) as partial:
        partial.write_bytes(lr_chart.png(charts))
    print(*map(lr_chart.text_chart, charts), sep="\n\n")
    print("", *lines, f"chart       {target}", sep="\n")


def check(options: dict[str, Any]) -> None:
    """Refuses a sweep that is none."""
    start, end = options["start_lr"], options["end_lr"]
    if not 0 < start < end:
        raise InputError(
            "start_lr must be above 0 and below end_lr. Received: "
            f"start_lr={start}, end_lr={end}"
        )
    for name, least in (("steps", 21), ("seeds", 1)):
        if options[name] < least:
            raise InputError(
                f"{name} must be at least {least}. Received: "
                f"{name}={options[name]}"
            )


def search(
    recipe: Recipe, splits: "Splits", options: dict[str, Any]
) -> "LrCurve":
    """The sweeps, their rates in --learning_rate's unit."""
    from kerastricks import build, teaching
    from kerastricks.data.bad_images import naming_bad
    from kerastricks.training.lr_finder import find_lr

    steps = options["steps"]
    phase = build.phases(recipe, splits)[0]
    epochs = -(-steps // phase.steps_per_epoch)
    phase = dataclasses.replace(phase, epochs=epochs)
    experts = teaching.of_recipe(recipe, splits)
    learner = build.learner(recipe, splits, teachers=experts)
    learner.set_augment(phase.augment)
    if phase.trained:
        learner.train_last(phase.trained)

    def of_seed(seed: int) -> Recipe:
        return recipe.replace(seed=seed)

    def open_batches(seed: int) -> Any:
        return build.train_batches(of_seed(seed), splits.train, phase, 0)

    def restart(seed: int) -> None:
        if seed != recipe.run.seed:
            other = build.network(of_seed(seed), splits)
            learner.model.set_weights(other.get_weights())

    pace = build.pace(recipe, [phase])
    first, unit = recipe.run.seed, scale(recipe) * (pace[0][3] if pace else 1)
    with naming_bad(splits.train, max_pixels=recipe.data.max_pixels):
        curve = find_lr(
            learner,
            open_batches,
            start=options["start_lr"] * unit,
            end=options["end_lr"] * unit,
            steps=steps,
            seeds=range(first, first + options["seeds"]),
            restart=restart,
            progress=Progress("training at rising rates"),
        )
    return curve.times(1 / unit)


def scale(recipe: Recipe) -> float:
    """What a rate for 256 images is multiplied by, for the batch's sake."""
    settled = recipe.settled()
    one = settled.replace(learning_rate=1.0, lr_groups="")
    return one.peak_learning_rate()


def flag_of(recipe: Recipe, rate: str) -> str:
    """The flag that gives a rate."""
    if recipe.optimizer.lr_groups:
        return f"{rate} for the head, the last of --lr_groups"
    return f"--learning_rate={rate}"


def finder_chart(recipe: Recipe, curve: "LrCurve") -> "Chart":
    """The curve with the suggestions on it."""
    from kerastricks.report.lr_chart import Chart, Mark, loss_window

    runs, steps = curve.losses.shape
    several = runs > 1
    return Chart(
        title=f"{recipe.model.model} on {pathlib.Path(recipe.data.data).name}: "
        f"{runs} run{'s' if several else ''} of {steps} steps",
        x_label=f"learning rate{unit_of(recipe)}",
        y_label="loss, smoothed",
        x=curve.rates,
        y=curve.median,
        band=curve.band if several else None,
        others=list(curve.smoothed) if several else (),
        marks=[
            Mark(f"{name} {rate:.2g}", rate)
            for name, rate in curve.suggestions.items()
            if curve.falls
        ],
        window=loss_window(curve.smoothed),
        log_x=True,
        legend="median of the runs, each run, their range" if several else "",
    )


def unit_of(recipe: Recipe) -> str:
    """What must be said of a rate that is not that of a step."""
    factor = scale(recipe)
    if factor == 1:
        return ""
    return f", as --learning_rate has it (a step's: times {factor:.3g})"


def advice(recipe: Recipe, curve: "LrCurve") -> list[str]:
    """A line for each suggestion, and what to doubt."""
    if not curve.falls:
        return [
            "no suggestion: the loss hardly falls in this sweep. Give it more "
            "--steps, more --seeds or a higher --end_lr"
        ]
    unit = scale(recipe)
    lines = []
    for name, rate in curve.suggestions.items():
        value = f"{rate:.2g}"
        of_step = f"  ({float(value) * unit:.3g} at a step)"
        lines.append(
            f"{name:<12}{flag_of(recipe, value)}{of_step if unit != 1 else ''}"
        )
    if curve.still_falling:
        lines.append(
            "warning     the loss still falls where the sweep ends: raise "
            f"--end_lr above {curve.rates[-1]:g}"
        )
    else:
        lines.append(
            f"lowest loss at {curve.lowest:.2g}; after a warm-up, peaks up to "
            "that are worth a try"
        )
    return lines


def schedule_charts(recipe: Recipe, splits: "Splits") -> list["Chart"]:
    """The learning rate, and the momentum if it changes too."""
    import numpy as np

    from kerastricks import build, effective
    from kerastricks.report.lr_chart import Chart

    points = effective.learning_rates(recipe, splits, POINTS)
    epochs, rates = np.array(points).T

    def chart(name: str, values: np.ndarray) -> Chart:
        return Chart(f"{name} of a run", "epoch", name, epochs, values)

    charts = [chart("learning rate", rates)]
    size = recipe.data.batch_size
    steps_in_epoch = build.steps_per_epoch(splits.train, size)
    momentum, _ = build.momentum(recipe.settled(), steps_in_epoch)
    if callable(momentum):
        steps = np.round(epochs * steps_in_epoch)
        values = [float(momentum(step)) for step in steps]
        charts.append(chart("momentum", np.array(values)))
    return charts


if __name__ == "__main__":
    run_command(main)
