"""Writing files so that nobody ever sees half of one."""

import errno
import json
import math
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


def partial_name(path: pathlib.Path) -> pathlib.Path:
    """A name beside the target; hidden, same suffix, of this write alone."""
    return path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")


@contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A path to write a file or folder to; it takes its place when all is well.

    Example:
        with replacing(folder / "result.json") as partial:
            partial.write_text("{}")
    """
    partial, old = partial_name(path), partial_name(path)
    try:
        yield partial
        if path.is_dir():  # a folder cannot be replaced in one move
            path.rename(old)
        os.replace(partial, path)
    finally:
        if old.is_dir() and not path.exists():
            old.rename(path)
        for left in (partial, old):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def need_room(folder: pathlib.Path, size: int) -> None:
    """Raises as a full disk would, before anything is written.

    For writers that do not survive it: HDF5 crashes the process.
    """
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def write_text(path: pathlib.Path, text: str) -> None:
    """All of the text or what was there before."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def json_text(content: Any) -> str:
    """JSON as every parser takes it: a NaN or an infinity is null."""
    return json.dumps(plain(content), indent=1, allow_nan=False)


def plain(value: Any) -> Any:
    """In dicts, lists and scalars of Python; not finite: None."""
    if hasattr(value, "tolist"):  # NumPy's
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def user_cache() -> pathlib.Path:
    """Where generated and decoded data is kept between runs.

    `$KERASTRICKS_CACHE`, else `$XDG_CACHE_HOME/kerastricks`, else
    `~/.cache/kerastricks`.
    """
    if own := os.environ.get("KERASTRICKS_CACHE"):
        return pathlib.Path(own).expanduser()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(shared, "kerastricks")
    try:
        return pathlib.Path.home() / ".cache" / "kerastricks"
    except RuntimeError as error:  # a user without a home, as in a container
        raise OSError(
            "there is no home folder to keep data in; set KERASTRICKS_CACHE to "
            "a writable folder"
        ) from error
