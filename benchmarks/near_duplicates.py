"""python benchmarks/near_duplicates.py FOLDER [--every=1] [--changed=600]

How many changed copies of pictures `inspect` finds, and how many pairs among
the pictures themselves, which are for you to judge: --sheet draws them.
"""

import argparse
import io
import pathlib
import sys
import time

import numpy as np
from PIL import Image, ImageOps

from kerastricks.data.inspection import Facts, Twins, looker, near_duplicates
from kerastricks.report.contact_sheet import Cell, contact_sheet

SHOWN = 40  # pairs on the sheet


def main() -> None:
    """Prints a line for each change."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--every", type=int, default=1)
    options.add_argument("--changed", type=int, default=600)
    options.add_argument("--sheet", type=pathlib.Path)
    chosen = options.parse_args()
    files = sorted(
        path
        for path in chosen.folder.rglob("*")
        if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    )[:: chosen.every]
    originals = [Image.open(path).convert("RGB") for path in files]
    seen = [facts(image) for image in originals]
    began, worked = time.monotonic(), time.process_time()
    found = near(seen)
    print(
        f"{len(seen):,} pictures: {len(found):,} pairs among them, "
        f"{time.process_time() - worked:.1f} s of CPU, "
        f"{time.monotonic() - began:.1f} s",
        flush=True,
    )
    if chosen.sheet:
        chosen.sheet.write_bytes(sheet(originals, found[:SHOWN]))
    spread = np.linspace(0, len(seen) - 1, min(len(seen), chosen.changed))
    places = spread.astype(int)
    known = {(one.first, one.second) for one in found}
    for name, change in CHANGES.items():
        copies = [
            facts(change(originals[i], np.random.RandomState(i)))
            for i in places
        ]
        measure(name, seen, copies, places, known)


def measure(
    name: str,
    seen: list[Facts],
    copies: list[Facts],
    places: np.ndarray,
    known: set[tuple[int, int]],
) -> None:
    """How many of the copies are found, and what else is."""
    count = len(seen)
    found = near(seen + copies)
    pairs = {(one.first, one.second) for one in found}
    right = {(int(i), count + k) for k, i in enumerate(places)}
    # A copy of a picture that has a twin is right to be like the twin.
    twins = known | {(b, a) for a, b in known} | {(i, i) for i in range(count)}
    origin = [*range(count), *places.tolist()]
    wrong = {
        (a, b) for a, b in pairs - known if (origin[a], origin[b]) not in twins
    }
    print(
        f"{name:24} found {len(pairs & right):,} of {len(right):,} "
        f"({len(pairs & right) / len(right):.1%}), "
        f"{len(wrong):,} other pairs",
        flush=True,
    )


def encoded(image: Image.Image, quality: int = 95) -> bytes:
    """The picture as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def cropped(share: float):
    """Keeps this share of each side, anywhere."""

    def crop(image: Image.Image, random: np.random.RandomState):
        width, height = (max(1, round(side * share)) for side in image.size)
        left = random.randint(image.width - width + 1)
        top = random.randint(image.height - height + 1)
        return image.crop((left, top, left + width, top + height))

    return crop


CHANGES = {
    "JPEG of quality 40": lambda image, _: decoded(encoded(image, 40)),
    "half the size": lambda image, _: image.resize(
        (image.width // 2, image.height // 2), Image.Resampling.BICUBIC
    ),
    "cropped, 95% of a side": cropped(0.95),
    "cropped, 90% of a side": cropped(0.9),
    "mirrored": lambda image, _: ImageOps.mirror(image),
    "10% brighter": lambda image, _: image.point(
        lambda level: min(255, level * 1.1)
    ),
}


def facts(image: Image.Image) -> Facts:
    """What `inspect` sees of the picture once it is a file."""
    return LOOK(encoded(image))


def near(seen: list[Facts]) -> list[Twins]:
    """The pairs among pictures."""
    return near_duplicates(
        np.array([one.signature for one in seen]),
        np.array([one.layout for one in seen]),
    )


def sheet(images: list[Image.Image], found: list[Twins]) -> bytes:
    """The pairs, for the eye."""
    rows = [
        [
            Cell(np.asarray(images[one.first]), [f"{one.likeness:.2f}"]),
            Cell(
                np.asarray(images[one.second]), ["mirrored"[: 8 * one.mirrored]]
            ),
        ]
        for one in found
    ]
    return contact_sheet(["one", "the other"], rows)


LOOK = looker(encoded=True)

if __name__ == "__main__":
    sys.exit(main())
