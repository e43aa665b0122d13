"""Finding the files that are no images.

A look at the first bytes of every file costs little and catches wrong names and
empty files before training begins. Decoding everything finds the rest; that is
done when --on_bad_image=skip asks for it, and to name the culprit when a run
has stumbled over one.
"""

import concurrent.futures
import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from kerastricks.data.decode import decode
from kerastricks.data.sources.source import Source
from kerastricks.errors import InputError, RunError

# First bytes of JPEG, PNG, GIF and BMP.
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")
THREADS = 16  # they wait for the disk more than they compute
NAMED = 5  # files that a message lists

Progress = Callable[[int, int], None]


def has_signature(path: str) -> bool:
    """Whether a file begins as an image does."""
    try:
        with open(path, "rb") as file:
            return file.read(8).startswith(SIGNATURES)
    except OSError:
        return False


def decodes(path: str) -> bool:
    """Whether a whole file can be decoded."""
    try:
        decode(tf.io.read_file(path))
    except tf.errors.OpError:
        return False
    return True


def find_bad(
    source: Source,
    check: Callable[[str], bool],
    progress: Progress | None = None,
) -> np.ndarray:
    """Positions of the files that a check refuses."""
    if not source.encoded:
        return np.zeros(0, np.int64)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        good = list(
            report(pool.map(check, source.names), len(source), progress)
        )
    return np.flatnonzero(~np.array(good, bool))


def report(
    results: Iterable[bool], total: int, progress: Progress | None
) -> Iterable[bool]:
    """Passes results on and tells how far it is."""
    for done, result in enumerate(results, 1):
        if progress and (done == total or done % 500 == 0):
            progress(done, total)
        yield result


def refuse_bad(source: Source, check: Callable[[str], bool]) -> None:
    """Raises with the names of the files that a check refuses."""
    bad = find_bad(source, check)
    if len(bad):
        names = ", ".join(source.names[i] for i in bad[:NAMED])
        more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        raise InputError(
            "every file must be a whole JPEG, PNG, GIF or BMP; mend or remove "
            f"these, or leave such files out with --on_bad_image=skip. "
            f"Received: {names}{more}"
        )


@contextlib.contextmanager
def naming_bad(*sources: Source) -> Iterator[None]:
    """Turns the pipeline's failure into the names of the files behind it."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = str(error.message).splitlines()[0]
        if "No space left" in reason:
            raise RunError(f"the disk is full. Received: {reason}") from error
        if isinstance(error, tf.errors.ResourceExhaustedError):
            raise RunError(
                "out of memory; lower batch_size or image_size. "
                f"Received: {reason}"
            ) from error
        for source in sources:
            refuse_bad(source, decodes)
        raise RunError(f"TensorFlow failed. Received: {reason}") from error


def skip_bad(source: Source, progress: Progress | None = None) -> Source:
    """The source without the files that do not decode."""
    bad = find_bad(source, decodes, progress)
    if not len(bad):
        return source
    good = np.setdiff1d(np.arange(len(source)), bad)
    skipped = tuple(source.names[i] for i in bad)
    rest = dataclasses.replace(source.subset(good), skipped=skipped)
    emptied = np.setdiff1d(source.labels, rest.labels)
    if len(emptied):
        raise InputError(
            "every class needs at least one image that decodes. Received: none "
            f"in class {source.class_names[emptied[0]]}, e.g. {skipped[0]}"
        )
    return rest
