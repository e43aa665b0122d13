"""Writing files so that nobody ever sees half of one."""

import contextlib
import errno
import hashlib
import json
import math
import os
import pathlib
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

STALE_SECONDS = 24 * 3600  # longer than a writer rests


def partial_name(path: pathlib.Path) -> pathlib.Path:
    """A name beside the target; hidden, same suffix, of this write alone."""
    return path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A path to write a file or folder to; it takes its place when all is well.

    Example:
        with replacing(folder / "result.json") as partial:
            partial.write_text("{}")
    """
    partial, old = partial_name(path), partial_name(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(path)
    try:
        yield partial
        sync(partial)
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


def sync(path: pathlib.Path) -> None:
    """Onto the disk, not only into its cache: a file, or a folder's names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(path: pathlib.Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_stale(path: pathlib.Path) -> None:
    """Half a file, left by a killed process, that nobody has written to lately.

    It may be as large as a data set.
    """
    written = re.compile(r"\.[0-9a-f]{8}\." + re.escape(path.name))
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            if written.fullmatch(entry.name) and entry.is_file():
                if time.time() - entry.stat().st_mtime > STALE_SECONDS:
                    os.unlink(entry)


def need_room(folder: pathlib.Path, size: int) -> None:
    """Raises as a full disk would, before anything is written.

    For writers that do not survive it: HDF5 crashes the process.
    """
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def write_text(path: pathlib.Path, text: str) -> None:
    """All of the text or what was there before.

    Names of files that are not UTF-8 keep their bytes, so that what is read
    with the same `errors` is the name of the file again.
    """
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="surrogateescape")


def printable(name: str) -> str:
    r"""A file's name as text; bytes that are not UTF-8 as \xe9."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


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
