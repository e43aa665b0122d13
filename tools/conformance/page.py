"""python tools/conformance/page.py [--write]

Prints docs/conformance.md, made from tests/conformance/measured.json, or
writes it.
"""

import json
import pathlib
import sys
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conformance.page_clipping import clipping_text  # noqa: E402
from conformance.page_parts import cell, markdown, paragraph  # noqa: E402
from conformance.sections import SECTIONS, Section  # noqa: E402

ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "conformance.md"
MEASURED = ROOT / "tests" / "conformance" / "measured.json"
COLUMNS = ("paper", "torchvision", "timm", "Keras", "keras-cv", "ours")
INTRO = """# What each implementation really does

Every trick below was run many times on synthetic batches in which a pixel says
whose it is and where it was, and the numbers were read off what came out: the
same probes for all. The column *paper* is the law of the paper or of its code,
drawn in NumPy. A dash: there is none. timm's flips, colour jitter, grayscale,
blur and padded crops are torchvision's.

Values are on 0..255. A distance is that of Kolmogorov and Smirnov, the largest
difference of two cumulated histograms; of n independent draws from the law
itself it stays below 1.36 / sqrt(n) in 95 of 100 cases, which is .018 for the
6,000 batches of MixUp and .030 for the 2,000 of CutMix.

`tests/conformance` measures ours anew and holds it against the papers' column;
`tests/augment/test_golden_augment.py` compares pixels with torchvision's.

Again from the start, PYTHON having torch, torchvision, timm and Pillow, and DIR
photos for the last section:

```sh
python tools/conformance/run.py --torch_python=PYTHON --images=DIR
python tools/conformance/page.py --write
```
"""


def page(measured: dict[str, Any]) -> str:
    """All of the text."""
    entries = entries_by_key(measured["contestants"])
    tables = [section_text(section, entries) for section in SECTIONS]
    return "\n".join(
        [
            INTRO,
            paragraph(f"Measured with {versions(measured['contestants'])}."),
            *tables,
            clipping_text(measured["clipping"]),
        ]
    )


def versions(contestants: dict[str, Any]) -> str:
    """NAME VERSION, ..."""
    found: dict[str, str] = {}
    for entry in contestants.values():
        found |= entry["versions"]
    return ", ".join(f"{name} {found[name]}" for name in sorted(found))


Entries = dict[str, dict[tuple[str, str], dict[str, Any]]]


def entries_by_key(contestants: dict[str, Any]) -> Entries:
    """{probe: {(contestant, variant): entry}}, in the columns' order."""
    found: Entries = {}
    for name in COLUMNS:
        tricks = contestants.get(name, {}).get("tricks", {})
        for key in sorted(tricks):
            probe, _, variant = key.partition(": ")
            found.setdefault(probe, {})[name, variant] = tricks[key]
    return found


def section_text(section: Section, entries: Entries) -> str:
    """Heading, table, note."""
    columns = list(entries[section.keys[0]])
    heads = [name + (f", {more}" if more else "") for name, more in columns]
    rows = []
    for key in section.keys:
        of_key = [entries[key].get(column, {}) for column in columns]
        rows += rows_of(of_key)
    table = markdown([["", *heads], ["---"] * (len(heads) + 1), *rows])
    return f"## {section.heading}\n\n{table}\n\n{paragraph(section.note)}"


def rows_of(entries: list[dict[str, Any]]) -> list[list[str]]:
    """How it was written, how often it was run, and what came out."""
    written = [f"`{e['setting']}`" if e else "–" for e in entries]
    images = [cell(e.get("n", "–")) for e in entries]
    names = dict.fromkeys(
        name for e in entries for name in e.get("numbers", {})
    )
    rows = [
        [
            name,
            *(
                cell(e.get("numbers", {}).get(name, e.get("error", "–")))
                for e in entries
            ),
        ]
        for name in names
    ]
    return [["written", *written], ["images", *images], *rows]


def main() -> None:
    text = page(json.loads(MEASURED.read_text(encoding="utf-8")))
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text, encoding="utf-8")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
