"""python tools/readme_table.py [--write]

Prints the table of README's tricks, or puts it between the file's markers.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kerastricks.catalog import TRICKS, Trick  # noqa: E402

README = ROOT / "README.md"
START, END = "<!-- tricks: tools/readme_table.py -->", "<!-- end of tricks -->"
HEADS = ("Trick", "Flags", "arXiv", "Cost", "Checked against")


def table() -> str:
    """The catalogue as a Markdown table."""
    rows = [HEADS, tuple("---" for _ in HEADS), *map(cells, TRICKS)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cells(trick: Trick) -> tuple[str, ...]:
    """A trick's row; its name leads to its card."""
    card = trick.module.replace(".", "/") + ".py"
    flags = " ".join(f"`--{flag}`" for flag in trick.flags)
    return (
        f"[{trick.name}]({card})",
        flags or "always on",
        trick.paper or "–",
        trick.cost,
        trick.checked_against,
    )


def between_markers(text: str) -> str:
    """The table that a README holds."""
    for marker in (START, END):
        if text.count(marker) != 1:
            raise ValueError(
                f"README needs each marker once. Received: "
                f"{text.count(marker)} of {marker}"
            )
    return text.split(START)[1].split(END)[0].strip()


def with_table(text: str) -> str:
    """The same README with today's table."""
    head, rest = text.split(START)
    tail = rest.split(END)[1]
    return f"{head}{START}\n{table()}\n{END}{tail}"


def main() -> None:
    """Prints or writes."""
    if sys.argv[1:] == ["--write"]:
        text = README.read_text(encoding="utf-8")
        README.write_text(with_table(text), encoding="utf-8")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        print(table())


if __name__ == "__main__":
    main()
