"""python tools/trick_pages.py [--write]

Makes from the catalogue, the flags and the docstrings: README's short table of
tricks, docs/tricks/README.md with all of them, and one page for each. Without
--write it names the files that are not of today.
"""

import ast
import pathlib
import re
import sys
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kerastricks.catalog import TRICKS, Trick  # noqa: E402
from kerastricks.flags import RECIPE_FLAGS, flag_text  # noqa: E402

START, END = "<!-- tricks: tools/trick_pages.py -->", "<!-- end of tricks -->"
HEADS = ("Trick", "Paper", "Flag", "Checked against", "Cost")
FLAGS = {flag.name: flag for flag in RECIPE_FLAGS}
# The first trick of each part of the full table.
PARTS = {
    "Random resized crop, torch's law": "Reading, cropping, order",
    "AutoAugment": "Image by image, on the host",
    "Flips: random, alternating, vertical": "Batch by batch, on the device",
    "ResNet v1, B, C, D; ResNeXt; Wide ResNet": "Networks and precision",
    "Label smoothing, two laws": "Losses and teachers",
    "SGD of torch, MXNet or decoupled": "Optimizers, gradients, averages",
    "Learning rate scaled by the batch": "The learning rate along the run",
    "Fine-tuning a run, published weights or a zoo model": (
        "Fine-tuning, and what changes along the run"
    ),
    "Model soup, uniform or greedy": "Before, after and beside a training",
}
INDEX = """# All tricks

One page each: what it does, its flags, what it costs, when it hurts, how it
differs from Keras's own, and what the tests compare its numbers with. In the
order in which they act on a batch. [Which to take](../which-tricks.md).
"""
MADE = "<!-- made by tools/trick_pages.py -->\n"


def pages() -> dict[pathlib.Path, str]:
    """What each file should hold."""
    folder = ROOT / "docs" / "tricks"
    readme = ROOT / "README.md"
    made = {folder / f"{slug(trick)}.md": card(trick) for trick in TRICKS}
    made[folder / "README.md"] = MADE + INDEX + index()
    made[readme] = with_table(readme.read_text(encoding="utf-8"))
    return made


def slug(trick: Trick) -> str:
    """The name of a trick's page."""
    return re.sub(
        r"[^a-z0-9]+", "-", trick.name.lower().replace("'", "")
    ).strip("-")


def table(tricks: Sequence[Trick], folder: str = "") -> str:
    """Tricks as a Markdown table, whose names lead to their pages."""
    rows = [HEADS, tuple("---" for _ in HEADS)]
    rows += [cells(trick, folder) for trick in tricks]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cells(trick: Trick, folder: str) -> tuple[str, ...]:
    flags = " ".join(f"`--{flag}`" for flag in trick.flags)
    return (
        f"[{trick.name}]({folder}{slug(trick)}.md)",
        paper(trick.paper) or "–",
        flags or (f"`{trick.command}`" if trick.command else "always on"),
        trick.checked_against,
        trick.cost,
    )


def paper(number: str) -> str:
    return f"[{number}](https://arxiv.org/abs/{number})" if number else ""


def index() -> str:
    """The tables of all parts."""
    parts: dict[str, list[Trick]] = {}
    title = ""
    for trick in TRICKS:
        title = PARTS.get(trick.name, title)
        parts.setdefault(title, []).append(trick)
    return "".join(
        f"\n## {title}\n\n{table(tricks)}\n" for title, tricks in parts.items()
    )


def with_table(text: str) -> str:
    """The same README with today's table."""
    for marker in (START, END):
        if text.count(marker) != 1:
            raise ValueError(
                f"README needs each marker once. Received: "
                f"{text.count(marker)} of {marker}"
            )
    head, rest = text.split(START)
    tail = rest.split(END)[1]
    headlines = [trick for trick in TRICKS if trick.headline]
    return f"{head}{START}\n{table(headlines, 'docs/tricks/')}\n{END}{tail}"


def card(trick: Trick) -> str:
    """A trick's page."""
    code = trick.module.replace(".", "/") + ".py"
    facts = [
        ("Paper", f"arXiv {paper(trick.paper)}" if trick.paper else ""),
        ("Cost", trick.cost),
        ("Checked against", trick.checked_against),
        ("Code", f"[{code}](../../{code})"),
    ]
    return "\n".join(
        [
            f"{MADE}# {trick.name}\n",
            *(f"- **{name}:** {text}" for name, text in facts if text),
            f"\n```sh\n{command_line(trick)}\n```\n",
            *flag_table(trick.flags),
            *imports(trick.objects),
            "## What it is\n",
            paragraph(trick.about) if trick.about else prose(ROOT / code),
            "\n[All tricks](README.md)\n",
        ]
    )


def command_line(trick: Trick) -> str:
    name, _, flags = trick.example.partition(" ")
    if name.startswith("--"):
        name, flags = "train", f"--data=folder:flowers {trick.example}"
    return f"python -m kerastricks.{name} {flags}"


def flag_table(names: Sequence[str]) -> list[str]:
    """What `--help` says of the trick's flags."""
    if not names:
        return []
    rows = [
        f"| `--{name}` | {default(name)} | {in_cell(FLAGS[name].help)} |"
        for name in names
    ]
    return ["| Flag | Default | |", "| --- | --- | --- |", *rows, ""]


def default(name: str) -> str:
    text = flag_text(FLAGS[name].default)
    return f"`{text}`" if text else "none"


def in_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def imports(objects: Sequence[str]) -> list[str]:
    """How to get at the trick from Python."""
    if not objects:
        return []
    names: dict[str, list[str]] = {}
    for path in objects:
        module, _, name = path.rpartition(".")
        names.setdefault(module, []).append(name)
    lines = [
        f"from kerastricks.{module} import {', '.join(found)}"
        for module, found in names.items()
    ]
    return ["```python", *lines, "```", ""]


def prose(path: pathlib.Path) -> str:
    """A module's docstring as Markdown: formulas, then what it says of itself.

    Indented parts are code to Markdown as well; labels ("Cost:") and remarks on
    Keras begin lines of their own.
    """
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    parts = re.split(r"\n{2,}", text)
    return "\n\n".join(
        part if part.startswith(" ") else paragraph(part) for part in parts
    )


def paragraph(text: str) -> str:
    # Neither lists nor emphasis.
    signs = r"^(?=[+-] )|(?<=^\d)(?=[.)] )|(?=\*)"
    text = re.sub(signs, r"\\", text, flags=re.M)
    text = re.sub(
        r"(?:^|\s)(Papers?|Source|Acts\son|Cost|Hurts|Differs from Keras):\s+",
        lambda found: f"\n\n**{' '.join(found[1].split())}:** ",
        text,
    )
    text = re.sub(
        r"(?<=[.;])\s+(?=(?:Keras's|Keras has|keras-cv's|Checked against) )",
        "\n\n",
        text,
    )
    number = r"\b(\d{4}\.\d{4,5})\b"
    return re.sub(number, lambda found: paper(found[1]), text).strip()


def main() -> None:
    """Writes, or names what would be written."""
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(__doc__)
    for path in sorted({*(ROOT / "docs" / "tricks").glob("*.md")} - {*pages()}):
        print(f"no trick any more  {path.relative_to(ROOT)}")
        if sys.argv[1:]:
            path.unlink()
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"not of today       {path.relative_to(ROOT)}")
            if sys.argv[1:]:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
