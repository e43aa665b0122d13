"""Where files lay on one machine, which is nobody else's business."""

import os
import pathlib
import re

IN_FILES = ("folder", "csv", "tfrecord", "arrays")
# From a / or ~/ that begins a word to where a path can end; no address's //.
ABSOLUTE = re.compile(r"(?<![\w./~])(?:~/|/(?!/))[^\s,;()'\"]*")


def last_part(path: str) -> str:
    """`/home/me/flowers/` -> `flowers`."""
    return pathlib.PurePath(path).name or path


def data_name(spec: str) -> str:
    """--data without the way there.

    Example:
        data_name("folder:/home/me/flowers")  # folder:flowers
        data_name("tfds:mine/big?data_dir=/data")  # tfds:mine/big
    """
    kind, colon, where = spec.partition(":")
    if kind in IN_FILES:
        return f"{kind}{colon}{last_part(where)}"
    name, _, query = spec.partition("?")
    options = [
        part for part in query.split("&") if not part.startswith("data_dir=")
    ]
    return without_paths("?".join(filter(None, [name, "&".join(options)])))


def without_paths(text: str) -> str:
    """Each absolute path by its last part alone.

    Example:
        without_paths("a=/runs/b.h5,/runs/c")  # a=b.h5,c
    """
    if text.startswith(("/", "~/")) and "," not in text:
        return last_part(text)  # all of it, whatever is in its name
    return ABSOLUTE.sub(lambda found: last_part(found[0]), text)


def without_data(text: str, spec: str) -> str:
    """A message about data, without the way there."""
    where = spec.partition(":")[2].partition("?")[0]
    for path in (where, os.path.abspath(os.path.expanduser(where))):
        if os.sep in path:
            text = text.replace(path, last_part(path))
    return without_paths(text)
