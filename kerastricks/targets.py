"""Where commands write: looked at before minutes of work, not after."""

import os
import pathlib

from kerastricks.errors import InputError


def writable(output: str | pathlib.Path) -> pathlib.Path:
    """The file or folder to write, if its folder lets it be made."""
    target = pathlib.Path(output).expanduser()
    there = next(path for path in target.absolute().parents if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(
            "output must be in a folder that can be written to. "
            f"Received: output={target}, in {there}"
        )
    return target


def free_folder(
    output: str | pathlib.Path, marker: str, what: str
) -> pathlib.Path:
    """A folder to write whole: new, empty, or one of its kind to replace.

    Args:
        marker: the file by which its kind is known.
        what: how the kind is called.
    """
    target = writable(output)
    if target.name in ("", ".."):  # it has no name to be replaced by
        target = target.resolve()
    ours = (target / marker).is_file()
    if target.exists() and not ours:
        if not target.is_dir() or any(target.iterdir()):
            raise InputError(
                f"output must be a new or empty folder, or {what} to replace. "
                f"Received: output={target}"
            )
    return target
