"""The report of a run: one HTML file that needs nothing beside it.

A pure function of what the run measured, so equal runs give equal bytes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from kerastricks.evaluation.metrics import (
    Reliability,
    per_class,
    wilson_interval,
)
from kerastricks.evaluation.mistakes import confused_pairs
from kerastricks.evaluation.multi_label import LabelScores
from kerastricks.report import charts, page
from kerastricks.report.label_table import label_table

# Above this many classes the cells of a matrix are too small to read.
MOST_MATRIX_CLASSES = 30
# Up to this many, half the width of the page holds the matrix.
SMALL_MATRIX = 12
WORST_CLASSES = 30
CONFUSED_PAIRS = 15
REPLAY = "python -m kerastricks.train --flagfile=recipe.flags --run_dir=NEW"
# The keys of result.json that have a place of their own on the page.
PLACED = frozenset(
    "top1 top5 loss ece images_per_second seconds steps epochs params flops "
    "seed versions recipe_sha256 mean_average_precision f1".split()
)
# What the calibration is about: one answer an image, or one for each class.
CLAIMS = (
    "On average it claims {claimed:.1%} and is right {right:.1%} of the time: "
)
LABEL_CLAIMS = (
    "On average it gives each class {claimed:.1%}, and {right:.1%} are true: "
)
# label, key of result.json, how it is shown, its unit where that is fixed
TILES = (
    ("Top-1 accuracy", "top1", page.percent, ""),
    ("Top-5 accuracy", "top5", page.percent, ""),
    ("Mean average precision", "mean_average_precision", page.percent, ""),
    ("F1 at 50%", "f1", page.percent, ""),
    ("Loss", "loss", page.plain, "nats"),
    ("Calibration error", "ece", page.percent, ""),
    ("Training time", "seconds", page.duration, ""),
    ("Throughput", "images_per_second", page.rate, "images/s"),
    ("Parameters", "params", page.amount, ""),
    ("Compute per image", "flops", page.amount, "multiply-adds"),
)


@dataclass(frozen=True)
class Picture:
    """One picture of the report, with a strong and a quiet line below."""

    png_or_jpeg: bytes
    caption: str
    detail: str


def mistake(
    png_or_jpeg: bytes, predicted: str, probability: float, truth: str
) -> Picture:
    """A wrong prediction: "predicted cat 98%" over "is dog"."""
    share = "NaN" if math.isnan(probability) else f"{probability:.0%}"
    return Picture(png_or_jpeg, f"predicted {predicted} {share}", f"is {truth}")


def mislabelled(
    png_or_jpeg: bytes,
    predicted: Sequence[tuple[str, float]],
    truths: Sequence[str],
) -> Picture:
    """Wrong labels: "predicted cat 98%, sofa 61%" over "is dog".

    Args:
        predicted: (name, probability), most probable first.
        truths: names of all that is on the picture.
    """
    claims = ", ".join(
        f"{name} NaN" if math.isnan(share) else f"{name} {share:.0%}"
        for name, share in predicted
    )
    return Picture(
        png_or_jpeg,
        f"predicted {claims or 'none'}",
        f"is {', '.join(truths) or 'none of the classes'}",
    )


def run_report(
    *,
    title: str,
    result: dict,
    history: list[dict],
    learning_rates: list[tuple[float, float]],
    effective: dict,
    recipe_text: str,
    class_names: Sequence[str],
    confusion: np.ndarray | None,
    reliability: Reliability | None,
    mistakes: Sequence[Picture],
    label_scores: LabelScores | None = None,
    notes: Sequence[str] = (),
) -> str:
    """The whole page, as a string to write in UTF-8.

    Args:
        title: the name of the run.
        result: what `result.json` holds; unknown keys are listed too.
        history: one row per epoch: epoch, step, learning_rate, loss, top1,
            val_loss, val_top1, val_top5, images_per_second, seconds. Any may
            be missing; NaN is a gap.
        learning_rates: (epoch, learning rate) along the whole schedule.
        effective: what really applied, as nested dicts and lists.
        recipe_text: the flagfile that replays the run.
        class_names: C names.
        confusion: int [C, C], rows are the truth.
        reliability: from `reliability_bins`, or `label_reliability`.
        mistakes: pictures, worst first.
        label_scores: instead of `confusion`, where images have several
            classes or none.
        notes: what a reader must know before the numbers.
    """
    if confusion is not None:
        confusion = _square(confusion, class_names)
    if label_scores is None:
        classes, words = _classes(confusion, class_names), CLAIMS
    else:
        classes, words = label_table(label_scores, class_names), LABEL_CLAIMS
    sections = [
        ("curves", "Curves", _curves(history, learning_rates)),
        ("classes", "Classes", classes),
        ("calibration", "Calibration", _calibration(reliability, words)),
        ("mistakes", "Worst mistakes", _mistakes(mistakes)),
        ("recipe", "Recipe", _recipe(recipe_text)),
        ("applied", "What applied", page.facts(effective)),
        ("versions", "Versions", _versions(result)),
    ]
    sections = [one for one in sections if one[2]]
    html = _header(title, result, [one[:2] for one in sections])
    html += _tiles(result, confusion) + _notes(notes)
    html += "".join(page.section(*one) for one in sections)
    return page.page(title, html)


def _header(
    title: str, result: Mapping, sections: Sequence[tuple[str, str]]
) -> str:
    facts = [
        f"{page.number(result[key])} {key if result[key] != 1 else key[:-1]}"
        for key in ("epochs", "steps")
        if result.get(key) is not None
    ]
    if result.get("seed") is not None:
        facts.append(f"seed {result['seed']}")
    if result.get("recipe_sha256"):
        facts.append(f"recipe {str(result['recipe_sha256'])[:12]}")
    links = "".join(
        f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name in sections
    )
    return (
        f'<header><div class="eyebrow">Training run</div>'
        f"<h1>{escape(title)}</h1>"
        f'<div class="soft">{escape(" · ".join(facts))}</div>'
        f"<nav>{links}</nav></header>\n"
    )


def _tiles(result: Mapping, confusion: np.ndarray | None) -> str:
    tiles = []
    for label, key, show, fixed in TILES:
        if key not in result:
            continue
        value, unit = _shown(result[key], show)
        note = _interval(result[key], confusion) if key == "top1" else ""
        tiles.append(page.tile(label, value, f"{unit}{fixed}", note))
    return f'<dl class="tiles">{"".join(tiles)}</dl>\n' if tiles else ""


def _shown(
    value: float | None, show: Callable[[float], tuple[str, str]]
) -> tuple[str, str]:
    """What `show` makes of a number; a dash for none, and NaN as such."""
    if value is None:
        return "–", ""
    if math.isfinite(value):
        return show(value)
    return ("NaN" if math.isnan(value) else f"{value:+}"), ""


def _interval(top1: float | None, confusion: np.ndarray | None) -> str:
    """How far chance alone in the choice of samples moves the accuracy."""
    total = 0 if confusion is None else int(confusion.sum())
    if not total or top1 is None or not 0 <= top1 <= 1:
        return ""
    low, high = (100 * end for end in wilson_interval(top1, total))
    return f"95% interval {low:.1f}–{high:.1f}, n\u00a0=\u00a0{total:,}"


def _notes(notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>\n' if items else ""


def _curves(
    history: Sequence[Mapping], rates: Sequence[tuple[float, float]]
) -> str:
    if not history:
        return _rate_figure(history, rates)
    figures = [
        _loss_figure(history),
        _accuracy_figure(history),
        _rate_figure(history, rates),
        _speed_figure(history),
    ]
    heads = list(dict.fromkeys(key for row in history for key in row))
    rows = [[_cell(row.get(key)) for key in heads] for row in history]
    numbers = page.details(
        "Every epoch in numbers", page.table(heads, rows), f"{len(rows):,}"
    )
    return page.pair(*figures) + f'<div class="wide">{numbers}</div>'


def _loss_figure(history: Sequence[Mapping]) -> str:
    series = _train_val(history, "loss", 1.0)
    if not series:
        return ""
    best = min(_validation(series), key=lambda p: p[1], default=None)
    svg = charts.line_chart(
        series,
        "epoch",
        _axis_name(series, "nats"),
        title="Loss by epoch",
        whole_x=True,
        mark=best,
    )
    return page.figure(svg, "Loss", _best(best, ""))


def _accuracy_figure(history: Sequence[Mapping]) -> str:
    series = _train_val(history, "top1", 100.0)
    if not series:
        return ""
    best = max(_validation(series), key=lambda p: p[1], default=None)
    svg = charts.line_chart(
        series,
        "epoch",
        _axis_name(series, "%"),
        title="Top-1 accuracy by epoch",
        whole_x=True,
        y_bounds=(0, 100),
        mark=best,
    )
    return page.figure(svg, "Top-1 accuracy", _best(best, "%"))


def _train_val(
    history: Sequence[Mapping], key: str, scale: float
) -> list[charts.Series]:
    """The training and the validation curve, as far as there are any."""
    epochs, series = _epochs(history), []
    for name, column, color in (
        ("training", key, 1),
        ("training, clean", f"clean_{key}", 2),
        ("average's validation", f"average_{key}", 3),
        ("validation", f"val_{key}", 0),
    ):
        if any(column in row for row in history):
            values = [scale * value for value in _column(history, column)]
            series.append(
                charts.Series(name, epochs, values, color, dashed=color > 0)
            )
    return series


def _validation(series: Sequence[charts.Series]) -> list[tuple[float, float]]:
    last = series[-1]
    if last.name != "validation":
        return []
    points = zip(last.x, last.y, strict=True)
    return [point for point in points if math.isfinite(point[1])]


def _axis_name(series: Sequence[charts.Series], unit: str) -> str:
    """A single curve has no legend, so its axis says what it is."""
    return unit if len(series) > 1 else f"{series[0].name}, {unit}"


def _best(point: tuple[float, float] | None, unit: str) -> str:
    if point is None:
        return ""
    return f"Best validation {point[1]:.4g}{unit}, in epoch {point[0]:g}."


def _rate_figure(
    history: Sequence[Mapping], rates: Sequence[tuple[float, float]]
) -> str:
    """The schedule, or where none is given the rate that each epoch logged."""
    points = list(rates) or list(
        zip(_epochs(history), _column(history, "learning_rate"), strict=True)
    )
    known = [rate for _, rate in points if math.isfinite(rate)]
    if not known:
        return ""
    series = charts.Series(
        "learning rate", [p[0] for p in points], [p[1] for p in points]
    )
    svg = charts.line_chart(
        [series],
        "epoch",
        "per step",
        title="Learning rate",
        whole_x=True,
        from_zero=True,
    )
    return page.figure(svg, "Learning rate", f"Peak {max(known):.4g}.")


def _speed_figure(history: Sequence[Mapping]) -> str:
    speeds = _column(history, "images_per_second")
    known = [speed for speed in speeds if math.isfinite(speed)]
    if not known:
        return ""
    svg = charts.line_chart(
        [charts.Series("images per second", _epochs(history), speeds)],
        "epoch",
        "images/s",
        title="Throughput by epoch",
        whole_x=True,
        from_zero=True,
    )
    caption = f"Median {np.median(known):,.0f} images/s."
    return page.figure(svg, "Throughput", caption)


def _epochs(history: Sequence[Mapping]) -> list[float]:
    """The epochs, counted from 1 where a row does not say."""
    known = enumerate(_column(history, "epoch"), start=1)
    return [value if math.isfinite(value) else place for place, value in known]


def _column(history: Sequence[Mapping], key: str) -> list[float]:
    values = (row.get(key) for row in history)
    return [math.nan if value is None else float(value) for value in values]


def _cell(value: object) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, float):
        return _shown(value, page.plain)[0]
    return f"{value:,}" if isinstance(value, int) else str(value)


def _square(confusion: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    confusion = np.asarray(confusion)
    if confusion.shape != (len(class_names), len(class_names)):
        raise ValueError(
            "confusion must be [C, C] for C class names. Received: "
            f"confusion.shape={confusion.shape}, names={len(class_names)}"
        )
    return confusion


def _classes(confusion: np.ndarray | None, class_names: Sequence[str]) -> str:
    if confusion is None:
        return ""
    pairs = _pairs(confusion, class_names)
    recalls = _recalls(confusion, class_names)
    if len(class_names) > MOST_MATRIX_CLASSES:
        return page.pair(pairs, recalls)
    if len(class_names) > SMALL_MATRIX:
        matrix = _matrix(confusion, class_names, "heat dense")
        return matrix + page.pair(pairs, recalls)
    matrix = _matrix(confusion, class_names, "heat")
    return page.pair(matrix, pairs) + f'<div class="wide">{recalls}</div>'


def _matrix(
    confusion: np.ndarray, class_names: Sequence[str], kind: str
) -> str:
    matrix = charts.heat_map(
        confusion,
        class_names,
        title="Confusion matrix",
        corner="is ↓  predicted →",
        kind=kind,
    )
    return page.figure(
        page.scroll(matrix),
        "Confusion matrix",
        "Blue is right, orange is wrong. A shade is a share of its row; "
        "for mistakes its square root, so that rare ones show.",
    )


def _pairs(confusion: np.ndarray, class_names: Sequence[str]) -> str:
    found = confused_pairs(confusion, CONFUSED_PAIRS)
    if not found:
        return page.figure("<p>No mistakes.</p>", "Most confused")
    support = confusion.sum(axis=1)
    shares = [count / support[truth] for truth, _, count in found]
    bars = charts.bar_chart(
        [f"{class_names[t]} → {class_names[p]}" for t, p, _ in found],
        [share / max(shares) for share in shares],
        title="Most confused classes",
        heads=("is → predicted", "", "of its class", "count"),
        columns=(
            [f"{share:.1%}" for share in shares],
            [f"{count:,}" for _, _, count in found],
        ),
        kind="bars misses",
    )
    return page.figure(page.scroll(bars), "Most confused")


def _recalls(confusion: np.ndarray, class_names: Sequence[str]) -> str:
    """Recall as bars, worst first, of the classes that have samples."""
    scores = per_class(confusion)
    order = np.argsort(scores.recall, kind="stable")
    order = order[scores.support[order] > 0]
    shown = order[:WORST_CLASSES]
    if not len(shown):
        return ""
    bars = charts.bar_chart(
        [class_names[i] for i in shown],
        scores.recall[shown],
        title="Recall by class, worst first",
        heads=("class", "recall, %", "", "precision", "F1", "n"),
        columns=(
            _percents(scores.recall[shown]),
            _percents(scores.precision[shown]),
            _percents(scores.f1[shown]),
            [f"{n:,}" for n in scores.support[shown]],
        ),
    )
    hidden = len(order) - len(shown)
    caption = f"The other {hidden:,} classes do no worse." if hidden else ""
    return page.figure(
        page.scroll(bars), "Recall by class, worst first", caption
    )


def _percents(shares: np.ndarray) -> list[str]:
    return [f"{100 * share:.1f}" for share in shares]


def _calibration(reliability: Reliability | None, words: str) -> str:
    if reliability is None or not np.sum(reliability.count):
        return ""
    chart = charts.reliability_chart(
        reliability.count,
        reliability.confidence,
        reliability.accuracy,
        title="Reliability diagram",
    )
    diagram = page.figure(
        chart,
        "Reliability",
        "A dot is a bin of predictions, its area their share. On the dotted "
        "line confidence is accuracy; the sticks are the gaps.",
    )
    verdict = f"<p>{escape(_verdict(reliability, words))}</p>"
    numbers = page.figure(verdict + _bin_table(reliability), "In numbers")
    return page.pair(diagram, numbers)


def _bin_table(reliability: Reliability) -> str:
    count = reliability.count
    edges = 100 * np.arange(len(count) + 1) / len(count)
    filled = np.flatnonzero(count)
    return page.table(
        ("bin", "samples", "confidence, %", "accuracy, %"),
        zip(
            [f"{edges[i]:.0f}–{edges[i + 1]:.0f}%" for i in filled],
            [f"{count[i]:,}" for i in filled],
            _percents(reliability.confidence[filled]),
            _percents(reliability.accuracy[filled]),
            strict=True,
        ),
    )


def _verdict(reliability: Reliability, words: str) -> str:
    """Says which way the model errs, in points of accuracy."""
    count = reliability.count
    claimed = float(np.average(reliability.confidence, weights=count))
    right = float(np.average(reliability.accuracy, weights=count))
    gap = 100 * (claimed - right)
    told = words.format(claimed=claimed, right=right)
    if abs(gap) < 0.5:
        return told + "confident by about the right amount."
    way = "over" if gap > 0 else "under"
    return told + f"{way}-confident by {abs(gap):.1f} points."


def _mistakes(pictures: Sequence[Picture]) -> str:
    shown = "".join(
        f"<figure>{page.picture(one.png_or_jpeg, one.caption)}<figcaption>"
        f"<b>{escape(one.caption)}</b>{escape(one.detail)}</figcaption>"
        "</figure>"
        for one in pictures
    )
    return f'<div class="pictures">{shown}</div>' if shown else ""


def _recipe(text: str) -> str:
    if not text:
        return ""
    flags = page.details("recipe.flags", f"<pre>{escape(text)}</pre>")
    command = f'<pre class="command">{escape(REPLAY)}</pre>'
    return f"<p>Replay this run:</p>{command}{flags}"


def _versions(result: Mapping) -> str:
    """Versions, the recipe's hash, and every result without a place above."""
    known = dict(result.get("versions") or {})
    if result.get("recipe_sha256"):
        known["recipe sha256"] = result["recipe_sha256"]
    rest = {k: v for k, v in result.items() if k not in PLACED}
    if rest:
        known["other results"] = rest
    return page.facts(known)
