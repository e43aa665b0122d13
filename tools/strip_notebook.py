"""python tools/strip_notebook.py FILE.ipynb ...

Takes out of notebooks what running them put in: outputs, counts, and what
Jupyter or Colab note about cells and kernel. Files that need none stay as they
are; a commit does this by itself (.pre-commit-config.yaml).
"""

import json
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

CELL = ("tags",)  # what stays of a cell's metadata
NOTEBOOK = {
    "colab": ("name",),
    "kernelspec": ("display_name", "language", "name"),
    "language_info": ("name",),
}


def main(files: list[str]) -> None:
    """Rewrites the files that are not as they should be."""
    for path in map(pathlib.Path, files):
        before = path.read_text(encoding="utf-8")
        after = stripped(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"stripped  {path}")


def stripped(text: str) -> str:
    """A notebook's text without what a run leaves."""
    notebook = json.loads(text)
    notebook["metadata"] = {
        name: only(notebook["metadata"][name], keys)
        for name, keys in NOTEBOOK.items()
        if name in notebook["metadata"]
    }
    for cell in notebook["cells"]:
        cell["metadata"] = only(cell["metadata"], CELL)
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": []}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def only(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The values with these names."""
    return {key: values[key] for key in keys if key in values}


if __name__ == "__main__":
    main(sys.argv[1:])
