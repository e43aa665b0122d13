"""The parts of a model card that say what it is worth and cannot do."""

from collections.abc import Mapping
from typing import Any

from kerastricks.evaluation.written import NAMES, told, written
from kerastricks.serving.markdown import bullet, section, table, wrapped

KEYS = ("top1", "top5", "mean_average_precision", "f1", "loss")
ROWS = {key: NAMES[key] for key in KEYS} | {
    "ece": "calibration error, as trained",
    "ece_calibrated": "calibration error, as exported",
}


def metrics(
    about: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    record: Mapping[str, Any],
) -> str:
    """What it is worth."""
    if not result:
        return section("Metrics", "None: the run is not finished.")
    rows = [
        (name, written(key, result[key]) + interval(key, result))
        for key, name in ROWS.items()
        if told(key, result)
    ]
    views = (
        f" The export looks at {record['views']} views of a picture "
        f"({record['tta']}); these numbers, and the temperature, are of one."
        if record["views"] > 1
        else ""
    )
    ways = [
        chosen(about, result),
        f"the temperature ({record['temperature']:.3f})",
    ]
    text = wrapped(
        f"On {result['val_images']:,} validation images, which also chose "
        f"{' and '.join(filter(None, ways))}: images that chose nothing may "
        f"give a little less.{views}"
    )
    return section("Metrics", f"{table(('', ''), rows)}\n\n{text}")


def chosen(about: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """What the validation images have had a say in, and may flatter."""
    soup = about.get("soup")
    if not soup:
        return f"the best epoch ({result['best_epoch']} of {result['epochs']})"
    if soup["kind"] == "greedy":
        return "each run's best epoch, the runs to average"
    return "each run's best epoch" if soup["of"] == "runs" else ""


def interval(key: str, result: Mapping[str, Any]) -> str:
    """Of top-1, at 95 %."""
    if key != "top1" or "top1_low" not in result:
        return ""
    low, high = 100 * result["top1_low"], 100 * result["top1_high"]
    return f" (95% interval {low:.1f}–{high:.1f}%)"


def parity(record: Mapping[str, Any]) -> str:
    """Whether the files answer as was measured."""
    if not record["checks"]:
        return section("Parity", f"Not checked: {record['why_not']}.")
    rows = [
        (
            one["what"],
            str(one["images"]),
            f"{one['top1_equal']}",
            f"{one['largest']:.1e}",
            f"{one['tolerance']:g}",
        )
        for one in record["checks"]
    ]
    heads = (
        *("file", "images", "same best class"),
        *("largest difference of a probability", "allowed"),
    )
    sharp = (
        ", also with logits that no temperature divides"
        if record["temperature"] > 1
        else ""
    )
    text = wrapped(
        "Each file was read anew and held against the Keras model as "
        "evaluation asks it, on validation images"
        f"{sharp}. The best class may differ "
        "where two come so near that what is allowed lets one pass the other; "
        "beyond float32's rounding, for at most the allowed share of the "
        "images."
    )
    return section("Parity", f"{table(heads, rows)}\n\n{text}")


def limits(about: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """What not to expect of it."""
    count = len(about["data"]["class_names"])
    side, crop = record["image_size"], record["eval_crop"]
    several = record["multi_label"]
    items = [
        "It knows these classes alone. "
        + (
            "Of anything else it may claim some of them."
            if several
            else f"It gives one of the {count} to any picture, with a "
            "probability that says nothing about pictures of other things."
        ),
        "Its numbers hold for pictures like the validation images: of other "
        "cameras, places or times they are unknown.",
        f"It sees {side} x {side} pixels, the centre "
        f"{100 * crop:.4g} % of the short side. What lies at the ends of a "
        "long picture, or is small in a large one, it does not see.",
        "Where the images come from, who is in them, what they may be used "
        "for, and for whom mistakes are costly is not known to the program "
        "that wrote this: add it.",
    ]
    if any(one["name"] == "litert_int8" for one in record["formats"]):
        items.insert(
            3,
            "The int8 file is less exact, by as much as stands under Parity.",
        )
    return section("Limits", "\n".join(bullet(item) for item in items))
