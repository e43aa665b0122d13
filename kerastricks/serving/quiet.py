"""Keeps what converters print in C++ off the screen."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps back what this process prints, from any language.

    It is lost if all goes well, and on stderr if the body raises.
    TF_CPP_MIN_LOG_LEVEL=0 leaves it as it is.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield  # somebody wants to see it
        return
    with tempfile.TemporaryFile() as sink:
        try:
            with redirected(sink.fileno()):
                yield
        except BaseException:
            sink.seek(0)
            with os.fdopen(os.dup(2), "wb") as stderr:
                shutil.copyfileobj(sink, stderr)
            raise


@contextlib.contextmanager
def redirected(target: int) -> Iterator[None]:
    """Both of this process's streams go to that file for a while."""
    streams = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.flush()
    kept = [os.dup(number) for number in (1, 2)]
    for number in (1, 2):
        os.dup2(target, number)
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        for number, real in zip((1, 2), kept, strict=True):
            os.dup2(real, number)
            os.close(real)
