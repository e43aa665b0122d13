"""Where commands write: looked at before minutes of work, not after."""

import os
import pathlib

from kerastricks.errors import InputError


def writable(output: str | pathlib.Path) -> pathlib.Path:
    """The folder to write files in, if that can be done."""
    target = pathlib.Path(output).expanduser()
    check_writable(target, target)
    return target


def writable_file(output: str | pathlib.Path) -> pathlib.Path:
    """The file to write, if that can be done."""
    target = pathlib.Path(output).expanduser()
    if target.is_dir():
        raise InputError(
            f"output must be a file. Received: output={target}, a folder"
        )
    check_writable(target.parent, target)
    return target


def free_folder(
    output: str | pathlib.Path, marker: str, what: str
) -> pathlib.Path:
    """A folder to write whole: new, empty, or one of its kind to replace.

    Args:
        marker: the file by which its kind is known.
        what: how the kind is called.
    """
    target = pathlib.Path(output).expanduser()
    if target.is_symlink() or target.name in ("", ".."):
        target = target.resolve()  # else the link would be replaced
    check_writable(target.parent, target)
    ours = (target / marker).is_file()
    if target.exists() and not ours:
        if not target.is_dir() or any(target.iterdir()):
            raise InputError(
                f"output must be a new or empty folder, or {what} to replace. "
                f"Received: output={target}"
            )
    return target


def check_writable(folder: pathlib.Path, target: pathlib.Path) -> None:
    """The folder, or where it would be made, must take files."""
    folder = folder.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(
            "output must be in a folder that can be written to. "
            f"Received: output={target}, in {there}"
        )
