"""What of the findings matters, and what to do about it."""

from collections.abc import Iterable, Iterator

import numpy as np

from kerastricks.data.inspection.findings import Findings

RARE = 3.0  # times fewer images than the largest class has
FEW = 20  # images of a class
IMAGENET = (
    np.array([123.675, 116.28, 103.53]),
    np.array([58.395, 57.12, 57.375]),
)
APART = 0.25  # of ImageNet's deviation
DRIFT = 0.15  # of the training images' deviation, between two splits
SMALL = 0.1  # share of images smaller than what suits photographs
LONG = ("narrower than 1:3", "1:3 to 1:2", "2:1 to 3:1", "wider than 3:1")
LONG_SHARE = 0.05
PHOTOGRAPH = 224
NAMED = 3
MOST_DOUBTED = 0.2  # of a split: more say something of the network


def advice(found: Findings) -> list[dict[str, str]]:
    """The findings that matter, the gravest first: `what`, and what to `do`.

    Args:
        found: of `findings`, perhaps with `suspects`.
    """
    rules = (
        leakage,
        unreadable,
        conflicts,
        suspects,
        repeats,
        missing,
        imbalance,
        few,
        drift,
        colours,
        turned,
        sides,
        aspects,
        partial,
    )
    said = [words for rule in rules for words in rule(found)]
    return [{"what": what, "do": do} for what, do in said]


Words = Iterator[tuple[str, str]]


def leakage(found: Findings) -> Words:
    """Validation images that training shows."""
    count = found["duplicates"]["leaked"]["images"]
    if not count:
        return
    exact = found["duplicates"]["leaked"]["exact"]
    looked = found["splits"]["val"]["looked_at"]
    yield (
        f"LEAKAGE: {images(count)} of validation {are(count)} in training too "
        f"({exact:,} exactly, {count - exact:,} nearly)",
        "remove them from one of the two: accuracy is too good by up to "
        f"{100 * count / looked:.2g} points",
    )


def unreadable(found: Findings) -> Words:
    """Files that stop a run."""
    bad = [
        one for split in found["splits"].values() for one in split["unreadable"]
    ]
    if bad:
        named = ", ".join(
            f"{one['name']} ({one['reason']})" for one in bad[:NAMED]
        )
        more = f" and {len(bad) - NAMED:,} more" if len(bad) > NAMED else ""
        yield (
            f"{images(len(bad))} cannot be used: {named}{more}",
            "mend or remove them, or train with --on_bad_image=skip",
        )


def conflicts(found: Findings) -> Words:
    """Like images, unlike labels."""
    count = len(found["duplicates"]["in_conflict"])
    if count:
        yield (
            f"{count:,} pair{s(count)} of like images with different labels",
            "look at them: one label of each pair is wrong, or both are right "
            "and the task has several labels an image",
        )


def suspects(found: Findings) -> Words:
    """Labels that a trained network doubts."""
    for split, doubted in found.get("suspects", {}).items():
        if doubted["count"] > MOST_DOUBTED * found["splits"][split]["images"]:
            yield (
                f"the run doubts {images(doubted['count'])} of {split}",
                "that are too many to be wrong: it has hardly learnt these "
                "classes. Train it further and look again",
            )
        elif doubted["count"]:
            yield (
                f"{images(doubted['count'])} of {split} may be labelled wrong",
                "look at the first ones; where the label is wrong, correct it",
            )


def repeats(found: Findings) -> Words:
    """The same image several times in one split."""
    for split, count in found["duplicates"]["too_many"].items():
        if count:
            yield (
                f"{images(count)} of {split} repeat{'s' * (count == 1)} "
                "another one of it",
                "keep one of each: the others count double and teach nothing",
            )


def missing(found: Findings) -> Words:
    """Classes that validation says nothing about."""
    names = found["class_names"]
    counts = [one["class_counts"] for one in found["splits"].values()]
    empty = [n for n, *of in zip(names, *counts, strict=True) if not any(of)]
    if empty:
        yield (
            f"no images of {listed(empty)}",
            "add some, or remove the folder: training refuses an empty class",
        )
    for split, one in found["splits"].items():
        gone = [
            name
            for name, count in zip(names, one["class_counts"], strict=True)
            if not count and name not in empty
        ]
        if gone:
            yield (
                f"no images in {split} of {listed(gone)}",
                "add some, or remove the class: nothing is learned or known "
                "about it, and training refuses what only one split has",
            )


def imbalance(found: Findings) -> Words:
    """Classes of very different size."""
    counts = np.array(training(found)["class_counts"])
    ratio = counts.max() / max(1, counts.min())
    if counts.min() and ratio >= RARE:
        names = found["class_names"]
        yield (
            f"class {names[counts.argmax()]} has {ratio:.3g} times "
            f"the images of class {names[counts.argmin()]}",
            "try --sampler=balanced or --class_weights=balanced, and read the "
            "accuracy of each class, not only top-1",
        )


def few(found: Findings) -> Words:
    """Classes too small to learn from scratch."""
    small = [
        f"{name} ({count})"
        for name, count in zip(
            found["class_names"], training(found)["class_counts"], strict=True
        )
        if 0 < count < FEW
    ]
    if small:
        yield (
            f"fewer than {FEW} training images of {listed(small)}",
            "collect more, or start from trained weights (--finetune)",
        )


def drift(found: Findings) -> Words:
    """Validation that looks unlike training."""
    splits = found["splits"]
    train, val = (
        training(found)["channels"],
        splits.get("val", {}).get("channels"),
    )
    if not train or not val:
        return
    change = np.abs(np.subtract(train["mean"], val["mean"])) / train["std"]
    if change.max() > DRIFT:
        yield (
            f"validation images have mean {numbers(val['mean'])}, training "
            f"images {numbers(train['mean'])}",
            "make sure that both come from where the model will be used",
        )


def colours(found: Findings) -> Words:
    """Colours that are not those of ImageNet."""
    known = training(found)["channels"]
    if not known:
        return
    mean, std = IMAGENET
    apart = np.abs(known["mean"] - mean) / std
    wide = np.abs(np.array(known["std_within"]) / std - 1)
    if apart.max() > APART or wide.max() > APART:
        yield (
            f"channels have mean {numbers(known['mean'])} and deviation "
            f"{numbers(known['std_within'])} within an image, unlike "
            f"ImageNet's {numbers(mean)} and {numbers(std)}",
            "trained from scratch, try --normalize=dataset; with ImageNet's "
            "weights keep theirs",
        )


def turned(found: Findings) -> Words:
    """Photos as the sensor lay."""
    count = sum(one["rotated"] for one in found["splits"].values())
    if count:
        yield (
            f"{images(count)} lie{'s' * (count == 1)} turned in the file, as "
            "EXIF notes",
            "--exif, the default, sets them upright; so must whoever serves "
            "the model without this package",
        )


def sides(found: Findings) -> Words:
    """Photographs that would have to be enlarged."""
    one = training(found)
    if not one["sizes"] or one["natural_size"] != PHOTOGRAPH:
        return
    edges = one["sizes"]["short_side_edges"]
    counts = one["sizes"]["short_side_counts"]
    small = sum(counts[: edges.index(PHOTOGRAPH)])
    if small > SMALL * sum(counts):
        middle = one["sizes"]["short_side"][3]
        yield (
            f"{small / sum(counts):.0%} of training images are smaller than "
            f"{PHOTOGRAPH} pixels, the median is {middle:.0f}",
            "enlarged pixels tell nothing: try a smaller --image_size",
        )


def aspects(found: Findings) -> Words:
    """Long images, of which a square shows little."""
    one = training(found)
    if not one["sizes"]:
        return
    counts = one["sizes"]["aspect_counts"]
    share = sum(counts[name] for name in LONG) / sum(counts.values())
    if share > LONG_SHARE:
        yield (
            f"{share:.0%} of training images are more than twice as long as "
            "wide, or as wide as long",
            "the centre square shows less than half of them: look with "
            "preview whether what matters is in it",
        )


def partial(found: Findings) -> Words:
    """What was not looked at."""
    left = {
        name: one["images"] - one["looked_at"]
        for name, one in found["splits"].items()
    }
    if sum(left.values()):
        rest = ", ".join(f"{n:,} of {name}" for name, n in left.items() if n)
        yield (
            f"not looked at: {rest}",
            "--sample=0 looks at all; of the duplicates only those among the "
            "images looked at were found",
        )


def training(found: Findings) -> Findings:
    """The first split."""
    return next(iter(found["splits"].values()))


def images(count: int) -> str:
    return f"{count:,} image{s(count)}"


def are(count: int) -> str:
    return "is" if count == 1 else "are"


def s(count: int) -> str:
    return "" if count == 1 else "s"


def listed(names: list[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values)
