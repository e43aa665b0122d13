"""Works that take turns in one process, with their tables."""

import statistics
import time
from collections.abc import Callable

Times = dict[str, list[float]]  # seconds, one a round
Work = Callable[[int], None]  # does it so many times, and waits for the end


def seconds_of(work: Work, times: int = 1) -> float:
    """Of one, the mean of so many."""
    began = time.perf_counter()
    work(times)
    return (time.perf_counter() - began) / times


def take_turns(works: dict[str, Work], rounds: int, seconds: float) -> Times:
    """Seconds of each work, one a round; who begins changes."""
    counts = {}
    for name, work in works.items():
        work(2)  # the first compiles
        counts[name] = max(1, round(seconds / seconds_of(work)))
        work(counts[name])
    times: Times = {name: [] for name in works}
    names = list(works)
    for i in range(rounds):
        shift = i % len(names)
        for name in names[shift:] + names[:shift]:
            times[name].append(seconds_of(works[name], counts[name]))
    return times


def relative(times: Times) -> Times:
    """To the first one's of the same round."""
    first = next(iter(times.values()))
    return {
        name: [a / b for a, b in zip(of_rounds, first, strict=True)]
        for name, of_rounds in times.items()
    }


def turns_table(times: Times, batch: int) -> str:
    """Lines of Markdown, of seconds for a batch."""
    first = next(iter(times))
    lines = [
        f"| | ms/img | lowest..highest | img/s | to {first} "
        "| lowest..highest |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, ratios in relative(times).items():
        ms = [1e3 * each / batch for each in times[name]]
        lines.append(
            f"| {name} | {statistics.median(ms):.3f} "
            f"| {min(ms):.3f}..{max(ms):.3f} "
            f"| {1e3 / statistics.median(ms):.1f} "
            f"| {statistics.median(ratios):.3f}x "
            f"| {min(ratios):.3f}..{max(ratios):.3f} |"
        )
    return "\n".join(lines)


def numbers(times: Times) -> dict:
    """For the JSON."""
    ratios = relative(times)
    return {
        "seconds_per_batch": times,
        "ratios": {
            name: statistics.median(each) for name, each in ratios.items()
        },
    }
