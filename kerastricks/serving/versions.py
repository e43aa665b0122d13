"""Version folders, as TensorFlow Serving wants them: MODEL/1, MODEL/2, ...

It serves the highest number it finds, so a new version is a new folder, and one
that is there is never written again.
"""

import errno
import os
import pathlib
from collections.abc import Iterator

from kerastricks.errors import InputError

AUTO = "auto"


def version_folder(model: pathlib.Path, version: str) -> pathlib.Path:
    """The folder of a version of this model.

    Args:
        version: a number from 1 on, or `auto` for the next one that is free.
    """
    if (model / "saved_model.pb").is_file():
        raise InputError(
            "output must be a folder of versions, 1/, 2/ and so on, where "
            f"version is given; this one is a SavedModel. Received: "
            f"output={model}"
        )
    if version == AUTO:
        return model / str(max(versions(model), default=0) + 1)
    if not is_version(version):
        raise InputError(
            "version must be auto or a number from 1 on. "
            f"Received: version={version}"
        )
    folder = model / version
    if folder.exists():
        raise taken(folder)
    return folder


def candidates(folder: pathlib.Path, version: str) -> Iterator[pathlib.Path]:
    """This folder; by `auto` then others, as somebody takes them first."""
    yield folder
    while version == AUTO:
        yield version_folder(folder.parent, AUTO)


def moved(source: pathlib.Path, folder: pathlib.Path) -> bool:
    """Renames a folder; False, and nothing done, where another is by now."""
    try:
        source.rename(folder)  # which fails where a folder has anything in it
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def taken(folder: pathlib.Path) -> InputError:
    """What is said of a version that is there."""
    return InputError(
        "a version that is there may be in use, and stays as it is: take "
        f"--version=auto. Received: version={folder.name}, which is {folder}"
    )


def versions(model: pathlib.Path) -> list[int]:
    """The numbers that are taken."""
    if not model.is_dir():
        return []
    return [int(name) for name in os.listdir(model) if is_version(name)]


def is_version(name: str) -> bool:
    """Whether it is a number without signs or zeros in front."""
    return name.isascii() and name.isdigit() and name[0] != "0"
