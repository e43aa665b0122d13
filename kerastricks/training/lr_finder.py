"""Learning rate finder: a short training in which the rate rises.

    lr(i) = start * (end / start) ** (i / (steps - 1)),   i = 0 ... steps - 1
    smooth(i) = average of the losses up to i, each later one weighing 1 / .98
        of the one before; the sweep ends above four times the lowest of these

Paper: Smith, arXiv 1506.01186, section 3.3; the law and its constants are
fastai's `lr_find`. Acts on: nothing: model, optimizer, metrics and counters are
afterwards what they were, bit for bit. Cost: `steps` training steps a run.
Hurts: what it sees are the first steps of a run without warm-up, and `valley`
moves with `start` and `end`. A network with batch norm that is trained from
scratch, with warm-up, may well want a peak between the suggestions and
`lowest`.
"""

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from kerastricks.errors import RunError
from kerastricks.training.checkpoint import read_variables, write_variables
from kerastricks.training.learner import Learner

SMOOTHING = 0.98
STOP_ABOVE = 4.0  # times the lowest smoothed loss
LAST = 5  # points that are not looked at: there the loss explodes
LEAST_FALL = 0.02  # of the loss at the start: less may be noise
LEAST = 8  # points below which no suggestion means anything


@dataclasses.dataclass(frozen=True)
class LrCurve:
    """What a sweep, or several, found.

    Args:
        rates: [steps].
        losses: [runs, steps], of single batches; NaN after a run's stop.
        smoothed: [runs, steps]; infinite after a run's stop, for it diverged.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray

    @property
    def median(self) -> np.ndarray:
        """Of the runs at each rate; infinite where half of them stopped."""
        return np.median(self.smoothed, axis=0)

    @property
    def band(self) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest run at each rate."""
        return self.smoothed.min(axis=0), self.smoothed.max(axis=0)

    @property
    def suggestions(self) -> dict[str, float]:
        """Rates by name, from the median.

        valley: in the middle of the longest fall. steep: where it falls most.
        minimum/10: a tenth of where it is lowest.
        """
        rates, losses = self.looked_at()
        return {
            "valley": valley(rates, losses),
            "steep": steep(rates, losses),
            "minimum/10": self.lowest / 10,
        }

    @property
    def lowest(self) -> float:
        """The rate at which the median loss is lowest."""
        rates, losses = self.looked_at()
        return float(rates[losses.argmin()])

    def looked_at(self) -> tuple[np.ndarray, np.ndarray]:
        """(rates, median losses), without the noisy start and the end."""
        there = int(np.isfinite(self.median).sum())
        chosen = slice(len(self.rates) // 10, max(there - LAST, 0))
        rates, losses = self.rates[chosen], self.median[chosen]
        if len(rates) < LEAST:
            raise RunError(
                "the loss must stay finite for more of the sweep: let it start "
                f"lower. Received: {there} of {len(self.rates)} steps from "
                f"{self.rates[0]:.3g} on"
            )
        return rates, losses

    @property
    def falls(self) -> bool:
        """Whether the loss ever comes well below where it began."""
        _, losses = self.looked_at()
        return bool(losses.min() < losses[0] - LEAST_FALL * abs(losses[0]))

    @property
    def still_falling(self) -> bool:
        """Whether the lowest loss is at the end, so that more may follow."""
        _, losses = self.looked_at()
        return bool(self.median[-1] <= losses.min())

    def times(self, factor: float) -> "LrCurve":
        """The same in other units of the rate."""
        return dataclasses.replace(self, rates=self.rates * factor)


def find_lr(
    learner: Learner,
    open_batches: Callable[[int], Iterable[Any]],
    *,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    seeds: Sequence[int] = (0,),
    restart: Callable[[int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LrCurve:
    """Trains with a rising rate, once for each seed, and undoes it all.

    Args:
        learner: compiled; whatever schedule its optimizer has is left aside.
        open_batches: seed -> training batches; begun anew when they end.
        steps: of a run, a batch each.
        restart: puts a seed's own initial weights into the learner; without it
            every run starts from those that are there.
        progress: called with (steps done, steps of all runs).

    Example:
        curve = find_lr(learner, lambda seed: batches, seeds=range(3))
        curve.suggestions["valley"]
    """
    if not 0 < start < end:
        raise ValueError(
            "a sweep goes from a rate above 0 to a higher one. Received: "
            f"start={start}, end={end}"
        )
    if steps < 2 * LEAST + LAST or not seeds:
        raise ValueError(
            f"a sweep needs a seed and at least {2 * LEAST + LAST} steps. "
            f"Received: steps={steps}, {len(seeds)} seeds"
        )

    def tick(place: int) -> Callable[[int], None]:
        done, total = place * steps, len(seeds) * steps
        return lambda step: progress(done + step, total) if progress else None

    rates = np.geomspace(start, end, steps)
    runs = []
    with borrowed(learner, start):
        fresh = snapshot(learner)
        for place, seed in enumerate(seeds):
            write_variables(learner, fresh)
            if restart:
                restart(seed)
            batches = endless(open_batches, seed)
            runs.append(sweep(learner, batches, rates, tick(place)))
    return curve_of(rates, runs)


@contextlib.contextmanager
def borrowed(learner: Learner, rate: float) -> Iterator[None]:
    """A fresh optimizer for a while; then everything is as it was."""
    optimizer, function = learner.optimizer, learner.train_function
    values = snapshot(learner)
    learner.optimizer = fresh_optimizer(optimizer, rate)
    learner.optimizer.build(learner.trainable_variables)
    learner.train_function = None
    try:
        yield
    finally:
        learner.optimizer = optimizer
        learner.train_function = function
        write_variables(learner, values)


def snapshot(learner: Learner) -> dict[str, np.ndarray]:
    """Every variable; copies, since a backend may lend its own memory."""
    return {
        name: np.array(value) for name, value in read_variables(learner).items()
    }


def fresh_optimizer(optimizer: Any, rate: float) -> Any:
    """The same optimizer without its past, with a rate that can be set."""
    config = optimizer.get_config()
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is None:
        config["learning_rate"] = rate
        if "base_lr" in config:  # AdaBound's bounds go by a run's peak
            config["base_lr"] = "current"
    else:  # a LossScaleOptimizer, a Lookahead
        key = "optimizer" if "optimizer" in config else "inner_optimizer"
        config[key] = keras.saving.serialize_keras_object(
            fresh_optimizer(inner, rate)
        )
    made = type(optimizer).from_config(config)
    copy_exclusions(optimizer, made)
    return made


def copy_exclusions(optimizer: Any, made: Any) -> None:
    """What `exclude_from_weight_decay` was told, which is in no config."""
    for name, value in vars(optimizer).items():
        if name.startswith("_exclude_from_weight_decay"):
            setattr(made, name, value)
    if hasattr(optimizer, "inner_optimizer"):
        copy_exclusions(optimizer.inner_optimizer, made.inner_optimizer)


def endless(
    open_batches: Callable[[int], Iterable[Any]], seed: int
) -> Iterator[Any]:
    """Batches for as long as they are asked for."""
    for _ in itertools.count():
        batch = None
        for batch in open_batches(seed):
            yield keras.tree.map_structure(np.asarray, batch)
        if batch is None:
            raise ValueError(
                "open_batches must give at least one batch. Received: none for "
                f"seed={seed}"
            )


def sweep(
    learner: Learner,
    batches: Iterator[Any],
    rates: np.ndarray,
    tick: Callable[[int], None],
) -> list[float]:
    """The losses of one run, until it diverges."""
    losses: list[float] = []
    average, best = Average(), math.inf
    for rate in rates:
        learner.optimizer.learning_rate = float(rate)
        x, y, weights = keras.utils.unpack_x_y_sample_weight(next(batches))
        logs = learner.train_on_batch(x, y, weights, return_dict=True)
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            break
        losses.append(loss)
        smooth = average.add(loss)
        best = min(best, smooth)
        if smooth > STOP_ABOVE * best:
            break
        tick(len(losses))
    tick(len(rates))
    return losses


class Average:
    """fastai's: by powers of .98, with what is missing at first made up."""

    def __init__(self) -> None:
        self.total, self.weight = 0.0, 0.0

    def add(self, loss: float) -> float:
        """The average up to this loss."""
        self.total = SMOOTHING * self.total + (1 - SMOOTHING) * loss
        self.weight = SMOOTHING * self.weight + (1 - SMOOTHING)
        return self.total / self.weight


def curve_of(rates: np.ndarray, runs: Sequence[Sequence[float]]) -> LrCurve:
    """The runs' losses side by side, smoothed."""
    losses = np.full((len(runs), len(rates)), np.nan)
    smoothed = np.full_like(losses, np.inf)
    for row, run in enumerate(runs):
        average = Average()
        losses[row, : len(run)] = run
        smoothed[row, : len(run)] = [average.add(loss) for loss in run]
    return LrCurve(rates, losses, smoothed)


def valley(rates: np.ndarray, losses: np.ndarray) -> float:
    """The middle of the longest falling subsequence, as fastai finds it.

    It is taken for as many points in a row, up to its last one; of these a
    third and a sixth, each rounded down, lie before the middle.
    """
    lengths = np.ones(len(losses), int)
    for i in range(1, len(losses)):
        higher = lengths[:i][losses[i] < losses[:i]]
        lengths[i] = 1 + higher.max(initial=0)
    last = int(lengths.argmax())
    first = last - int(lengths[last])
    sections = (last - first) / 3
    return float(rates[first + int(sections) + int(sections / 2)])


def steep(rates: np.ndarray, losses: np.ndarray) -> float:
    """Where the loss falls most for a factor of the rate."""
    slopes = np.diff(losses) / np.diff(np.log(rates))
    return float(rates[slopes.argmin()])
