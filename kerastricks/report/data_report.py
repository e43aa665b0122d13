"""The page of `inspect`: what is in a dataset, and what is suspicious.

A function of what inspect.json holds and of the pictures.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from kerastricks.report import charts, page

Findings = Mapping[str, Any]
# (split, place in it) -> PNG or JPEG bytes
GetPicture = Callable[[str, int], bytes]

SHOWN_PAIRS = 18  # of each kind
SHOWN_DOUBTS = 24  # of each split
SHOWN_NAMES = 200  # unreadable files
CLASSES = 24  # that have a row of pictures
EACH = 8  # pictures in it
BARS = 60  # classes that have a bar
PAIRS = "grid-template-columns:repeat(auto-fill,minmax(min(18rem,100%),1fr))"
APART = "margin-top:2rem"
TWINS = "display:grid;grid-template-columns:1fr 1fr;gap:.25rem"
ROW = (
    "display:grid;gap:.25rem;margin-bottom:1.25rem;"
    "grid-template-columns:repeat(8,minmax(0,1fr))"
)
LEARNT = (
    "These are training images: the network has learnt most of them by heart, "
    "wrong labels too. What it still doubts is worth a look; that it doubts no "
    "more says nothing. Only images held out tell."
)


def data_report(
    found: Findings, samples: Mapping[str, Mapping], picture: GetPicture
) -> str:
    """The whole page, as a string to write in UTF-8.

    Args:
        found: what inspect.json holds.
        samples: by split, the `labels` ([N] or [N, C]) and `places` of the
            images that can be shown.
        picture: gives an image, made small.
    """
    sections = (
        ("across", "In both splits", across(found, picture)),
        ("labels", "Like images, different labels", conflicts(found, picture)),
        ("doubts", "Labels in doubt", doubts(found, picture)),
        ("repeats", "Repeated in a split", repeats(found, picture)),
        ("unreadable", "Unreadable files", unreadable(found)),
        ("classes", "Classes", classes(found)),
        ("samples", "Samples", rows(found, samples, picture)),
        ("sizes", "Sizes", sizes(found, picture)),
        ("colours", "Colours and files", colours(found)),
    )
    shown = [one for one in sections if one[2]]
    links = "".join(
        f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name, _ in shown
    )
    html = (
        '<header><div class="eyebrow">Data</div>'
        f"<h1>{escape(found['data'])}</h1>"
        f'<div class="soft">{escape(looked_at(found))}</div>'
        f"<nav>{links}</nav></header>\n"
    )
    html += tiles(found) + matters(found)
    html += "".join(page.section(*one) for one in shown)
    return page.page(f"{found['data']}: data", html)


# The head


def looked_at(found: Findings) -> str:
    """How much of each split was seen."""
    return " · ".join(
        f"{name}: {one['looked_at']:,} of {one['images']:,} images looked at"
        for name, one in found["splits"].items()
    )


def tiles(found: Findings) -> str:
    """The main numbers."""
    splits, twins = found["splits"], found["duplicates"]
    bad = sum(len(one["unreadable"]) for one in splits.values())
    numbers = {
        **{f"Images of {name}": one["images"] for name, one in splits.items()},
        "Classes": len(found["class_names"]),
        "Unreadable": bad,
        "Validation images in training": twins["leaked"]["images"],
        "Like images, different labels": len(twins["in_conflict"]),
        **{
            f"Repeated in {name}": count
            for name, count in twins["too_many"].items()
        },
    }
    cells = "".join(
        page.tile(name, f"{value:,}") for name, value in numbers.items()
    )
    return f'<dl class="tiles">{cells}</dl>\n'


def matters(found: Findings) -> str:
    """The advice, as a list."""
    items = "".join(
        f"<li><b>{escape(one['what'])}</b><br>{escape(one['do'])}</li>"
        for one in found["advice"]
    )
    items = items or "<li>Nothing suspicious was found.</li>"
    return f'<ul class="notes">{items}</ul>\n'


# Duplicates and doubts


def across(found: Findings, picture: GetPicture) -> str:
    """Pairs of a training and a validation image."""
    pairs = found["duplicates"]["across"]
    if not pairs:
        return ""
    leaked = found["duplicates"]["leaked"]
    return (
        f"<p>{leaked['images']:,} validation images show what a training image "
        f"shows, {leaked['exact']:,} of them pixel by pixel.</p>"
        + twins(pairs, picture)
    )


def conflicts(found: Findings, picture: GetPicture) -> str:
    """Pairs whose labels differ."""
    return twins(found["duplicates"]["in_conflict"], picture)


def repeats(found: Findings, picture: GetPicture) -> str:
    """Pairs of each split."""
    return "".join(
        f'<h3 style="{APART}">{escape(name)}: {len(pairs):,} '
        f"pair{'s' if len(pairs) > 1 else ''}</h3>{twins(pairs, picture)}"
        for name, pairs in found["duplicates"]["within"].items()
        if pairs
    )


def twins(pairs: Sequence[Findings], picture: GetPicture) -> str:
    """The first pairs side by side."""
    if not pairs:
        return ""
    shown = "".join(
        f'<figure><div style="{TWINS}">{image(pair["first"], picture)}'
        f"{image(pair['second'], picture)}</div><figcaption>"
        f"<b>{escape(kind_of(pair))}</b>{escape(whose(pair['first']))}<br>"
        f"{escape(whose(pair['second']))}</figcaption></figure>"
        for pair in pairs[:SHOWN_PAIRS]
    )
    more = rest(pairs, SHOWN_PAIRS)
    return f'<div class="pictures" style="{PAIRS}">{shown}</div>{more}'


def kind_of(pair: Findings) -> str:
    """How like two images are."""
    if pair["kind"] != "near":
        return pair["kind"]
    turned = ", mirrored" if pair["mirrored"] else ""
    return f"{pair['likeness']:.0%} alike{turned}"


def whose(one: Findings) -> str:
    """Split, classes and the end of the name."""
    name = one["name"].rsplit("/", 1)[-1]
    return f"{one['split']}: {', '.join(one['classes']) or 'no class'}, {name}"


def image(one: Findings, picture: GetPicture) -> str:
    """Its picture."""
    return page.picture(picture(one["split"], one["place"]), whose(one))


def rest(entries: Sequence, shown: int) -> str:
    """What the page leaves out."""
    if len(entries) <= shown:
        return ""
    return (
        f'<p class="soft">The first {shown} of {len(entries):,}; all are in '
        "the JSON file.</p>"
    )


def doubts(found: Findings, picture: GetPicture) -> str:
    """Images whose label a network doubts."""
    html = ""
    for name, one in reversed(list(found.get("suspects", {}).items())):
        if not one["images"]:
            continue
        caveat = f"<p>{escape(LEARNT)}</p>" if name == "train" else ""
        shown = "".join(
            f"<figure>{image(doubt, picture)}<figcaption>"
            f"<b>{escape(doubt['likely'])}? ({doubt['score']:.0%})</b>"
            f"{escape(whose(doubt))}</figcaption></figure>"
            for doubt in one["images"][:SHOWN_DOUBTS]
        )
        html += (
            f'<h3 style="{APART}">{escape(name)}: {one["count"]:,} '
            f"image{'s' if one['count'] > 1 else ''}</h3>{caveat}"
            f'<div class="pictures">{shown}</div>'
        )
    return html


def unreadable(found: Findings) -> str:
    """Their names and what is wrong."""
    bad = [
        [one["name"], one["reason"], one["split"]]
        for split in found["splits"].values()
        for one in split["unreadable"]
    ]
    if not bad:
        return ""
    table = page.table(["file", "what is wrong", "split"], bad[:SHOWN_NAMES])
    return table + rest(bad, SHOWN_NAMES)


# Classes


def classes(found: Findings) -> str:
    """A bar for each class, those of all splits side by side."""
    names, splits = found["class_names"], found["splits"]
    main = np.array(next(iter(splits.values()))["class_counts"])
    order = ends(np.argsort(-main, kind="stable"), BARS)
    bars = charts.bar_chart(
        [names[i] for i in order.tolist()],
        main[order] / max(1, main.max()),
        title="Images of each class",
        heads=["class", "training images", *splits],
        columns=[
            [f"{one['class_counts'][i]:,}" for i in order]
            for one in splits.values()
        ],
    )
    return f"<p>{escape(balance(main, names))}</p>{page.scroll(bars)}"


def ends(order: np.ndarray, count: int) -> np.ndarray:
    """The first and the last of an order, so many in all."""
    if len(order) <= count:
        return order
    return np.concatenate([order[: count // 2], order[-(count // 2) :]])


def balance(counts: np.ndarray, names: Sequence[str]) -> str:
    """The imbalance in words."""
    most, least = names[int(counts.argmax())], names[int(counts.argmin())]
    if counts.max() == counts.min():
        said = f"Every class has {counts.max():,} training images."
    elif not counts.min():
        said = f"{least} has no training image, {most} {counts.max():,}."
    else:
        said = (
            f"Imbalance {counts.max() / counts.min():.3g}: {most} has "
            f"{counts.max():,} training images, {least} {counts.min():,}."
        )
    if len(counts) > BARS:
        said += f" Below are the {BARS // 2} most and least frequent classes."
    return said


def rows(
    found: Findings, samples: Mapping[str, Mapping], picture: GetPicture
) -> str:
    """A row of pictures of each class."""
    names = found["class_names"]
    split = next(iter(samples))
    labels = np.asarray(samples[split]["labels"])
    places = np.asarray(samples[split]["places"])
    counts = np.array(found["splits"][split]["class_counts"])
    order = ends(np.argsort(-counts, kind="stable"), CLASSES)
    html = ""
    for label in order.tolist():
        of_class = labels[:, label] if labels.ndim == 2 else labels == label
        members = places[np.flatnonzero(of_class)]
        if not len(members):
            continue
        spread = np.linspace(0, len(members) - 1, min(EACH, len(members)))
        shown = "".join(
            page.picture(picture(split, int(members[int(i)])), names[label])
            for i in spread
        )
        html += (
            f"<h3>{escape(names[label])}</h3>"
            f'<div class="pictures" style="{ROW}">{shown}</div>'
        )
    if len(counts) > CLASSES:
        html = (
            f"<p>The {CLASSES // 2} most and least frequent classes.</p>{html}"
        )
    return html


# Sizes, colours, files


def sizes(found: Findings, picture: GetPicture) -> str:
    """Distributions of the short side and of the aspect, and the extremes."""
    html = ""
    for name, split in found["splits"].items():
        known = split["sizes"]
        if not known:
            continue
        aspects = known["aspect_counts"]
        both = page.pair(
            page.figure(
                histogram(side_names(known), known["short_side_counts"]),
                f"Short side, {name}",
                f"{known['distinct']:,} different sizes; the median image is "
                f"{known['width'][3]:.0f} x {known['height'][3]:.0f}",
            ),
            page.figure(
                histogram(list(aspects), list(aspects.values())),
                f"Width to height, {name}",
            ),
        )
        html += f'<div style="{APART}">{both}</div>'
    first = next(iter(found["splits"].values()))["sizes"]
    if first.get("distinct", 1) > 1:
        html += extremes("Smallest", first["smallest"], picture)
        html += extremes("Largest", first["largest"], picture)
    return html


def side_names(known: Findings) -> list[str]:
    """0 to 31, 32 to 47, ..., 2048 and more."""
    edges = known["short_side_edges"]
    ranges = [
        f"{low} to {high - 1}"
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]
    return [*ranges, f"{edges[-1]} and more"]


def histogram(names: Sequence[str], counts: Sequence[int]) -> str:
    """A bar for each bin from the first to the last that is not empty."""
    filled = np.flatnonzero(counts)
    kept = slice(int(filled[0]), int(filled[-1]) + 1)
    shares = np.array(counts[kept]) / max(1, sum(counts))
    return charts.bar_chart(
        names[kept],
        shares,
        title="Distribution",
        heads=["", "share", "images"],
        columns=[[f"{count:,}" for count in counts[kept]]],
    )


def extremes(
    title: str, entries: Sequence[Findings], picture: GetPicture
) -> str:
    """The smallest or largest images."""
    shown = "".join(
        f"<figure>{image(one, picture)}<figcaption>"
        f"<b>{one['width']:,} x {one['height']:,}</b>{escape(whose(one))}"
        "</figcaption></figure>"
        for one in entries
    )
    return (
        f'<h3 style="{APART}">{title}</h3><div class="pictures">{shown}</div>'
    )


def colours(found: Findings) -> str:
    """Channels beside ImageNet's, and how files keep them."""
    splits = {
        name: one for name, one in found["splits"].items() if one["channels"]
    }
    if not splits:
        return ""
    channels = [
        [name, key, *(f"{value:.1f}" for value in one["channels"][key])]
        for name, one in splits.items()
        for key in ("mean", "std", "std_within")
    ]
    channels += [
        ["ImageNet", "mean", "123.7", "116.3", "103.5"],
        ["ImageNet", "std_within", "58.4", "57.1", "57.4"],
    ]
    kinds = [row for name, one in splits.items() for row in files(name, one)]
    return page.pair(
        page.figure(
            page.table(["", "0 to 255", "red", "green", "blue"], channels),
            "Channels",
            "std: over all pixels, as --normalize=dataset has it; std_within: "
            "the mean of each image's own, as ImageNet's customary one is",
        ),
        page.figure(
            page.table(["split", "files", "images", "share"], kinds), "Files"
        ),
    )


def files(name: str, one: Findings) -> list[list[str]]:
    """Rows about formats, how colours are stored, and turned photos."""
    total = one["looked_at"] - len(one["unreadable"])
    counts = {
        **one["formats"],
        **{f"stored as {kind}": count for kind, count in one["stored"].items()},
        "without colour": one["colourless"],
        "turned by EXIF": one["rotated"],
    }
    rows = [
        [name, kind, f"{count:,}", f"{count / max(1, total):.1%}"]
        for kind, count in counts.items()
    ]
    if one["bytes"]["total"]:
        for key in ("median", "largest", "total"):
            rows.append(
                [name, f"bytes, {key}", f"{one['bytes'][key]:,.0f}", ""]
            )
    return rows
