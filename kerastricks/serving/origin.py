"""The parts of a model card that say what it is and what it was taught."""

from collections.abc import Mapping
from typing import Any

from kerastricks import __version__
from kerastricks.config import Recipe
from kerastricks.flags import flag_text
from kerastricks.serving.markdown import cell, section, table, wrapped
from kerastricks.serving.places import data_name, without_paths

CLASSES = 20  # named in the card; the model itself has all
# Say where this run was, not what it was.
ELSEWHERE = {"data", "run_dir", "backend", "overwrite"}


def introduction(
    about: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    record: Mapping[str, Any],
) -> str:
    """What it is, in a sentence."""
    model, classes = about["model"], about["data"]["class_names"]
    side = record["image_size"]
    kind = "which may be in a picture together" * record["multi_label"]
    return wrapped(
        f"An image classifier: {model['name']} with {model['params']:,} "
        f"parameters, for pictures of {side} x {side} pixels and "
        f"{len(classes)} classes{', ' * bool(kind)}{kind}. "
        f"{made_by(about, result)}"
    )


def made_by(about: Mapping[str, Any], result: Mapping[str, Any] | None) -> str:
    """Which versions of this package did what."""
    before = (result or {}).get("versions", {}).get("kerastricks")
    if not before:
        return f"Exported by kerastricks {__version__}."
    verb = "Averaged" if about.get("soup") else "Trained"
    return f"{verb} by kerastricks {before}, exported by {__version__}."


def data(recipe: Recipe, about: Mapping[str, Any]) -> str:
    """What it was trained on."""
    of_data = about["data"]
    names = of_data["class_names"]
    more = f" and {len(names) - CLASSES} more" * (len(names) > CLASSES)
    rows = [
        ("data", f"`{data_name(recipe.data.data)}`"),
        ("training images", f"{of_data['train_images']:,}"),
        ("validation images", f"{of_data['val_images']:,}"),
        ("left out as broken", f"{len(of_data['skipped_images']):,}"),
        ("sha256", f"`{of_data['sha256']}`"),
        ("classes", ", ".join(map(cell, names[:CLASSES])) + more),
    ]
    return section("Data", table(("", ""), rows))


def training(
    recipe: Recipe,
    about: Mapping[str, Any],
    result: Mapping[str, Any] | None,
) -> str:
    """How it was trained: what differs from the defaults."""
    if about.get("soup"):
        return section("Training", of_soup(about["soup"]))
    values, defaults = recipe.values(), Recipe().values()
    lines = [
        f"--{name}={without_paths(flag_text(value))}"
        for name, value in values.items()
        if value != defaults[name] and name not in ELSEWHERE
    ]
    versions = (result or {}).get("versions", {})
    by = ", ".join(f"{name} {version}" for name, version in versions.items())
    blocks = [
        wrapped(
            "What `python -m kerastricks.train` ran with, defaults left "
            "out but for those that it settled by itself (all of it is in the "
            "run's `recipe.flags`):"
        ),
        "```\n" + "\n".join(lines) + "\n```",
        wrapped(f"By {by}.") if by else "",
    ]
    return section("Training", "\n\n".join(filter(None, blocks)))


def of_soup(soup: Mapping[str, Any]) -> str:
    """What stands for the training of averaged weights."""
    count, kind = len(soup["used"]), soup["of"]
    of_one = " of one run" * (kind == "checkpoints")
    batches = soup["recalibrate_bn"]
    again = (
        f" Batch norms took their statistics anew from {batches} training "
        "batches."
        if batches
        else ""
    )
    return wrapped(
        f"None of its own: its weights are the mean of those of {count} "
        f"{kind}{of_one}, which `soup.json` names.{again}"
    )
