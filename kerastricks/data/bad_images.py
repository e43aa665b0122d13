"""Finding the images that cannot be decoded.

A look at the first bytes of every file costs little and catches wrong names and
empty files before training begins. Decoding everything finds the rest; that is
done when --on_bad_image=skip asks for it, and to name the culprit when a run
has stumbled over one.
"""

import concurrent.futures
import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from kerastricks.data.decode import MAX_PIXELS, decode
from kerastricks.data.sources.source import Source
from kerastricks.errors import InputError, RunError

# First bytes of JPEG, PNG, GIF and BMP.
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")
THREADS = 16  # they wait for the disk more than they compute
NAMED = 5  # files that a message lists

Progress = Callable[[int, int], None]
# Of a file's path, or of the content where images are no files of their own.
Check = Callable[[str | bytes], bool]


def has_signature(image: str | bytes) -> bool:
    """Whether a file begins as an image does."""
    if isinstance(image, bytes):
        head = image[:12]
    else:
        try:
            with open(image, "rb") as file:
                head = file.read(12)
        except OSError:
            return False
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return webp or head.startswith(SIGNATURES)


def decodes(image: str | bytes, max_pixels: int = MAX_PIXELS) -> bool:
    """Whether the whole of a file, given by path or content, can be decoded."""
    return not fault(image, max_pixels)


def fault(image: str | bytes, max_pixels: int = MAX_PIXELS) -> str:
    """What is wrong with a file, or nothing."""
    try:
        data = image if isinstance(image, bytes) else read(image)
    except tf.errors.OpError:
        return "cannot be read"
    if not data:
        return "empty"
    if not has_signature(data):
        return "no image"
    try:
        decode(data, max_pixels=max_pixels)
    except tf.errors.OpError as error:
        huge = "max_pixels" in str(error.message)
        return f"above {max_pixels} pixels" if huge else "damaged"
    return ""


def read(path: str) -> bytes:
    """A file's content."""
    return tf.io.read_file(os.fsencode(path)).numpy()


def find_bad(
    source: Source, check: Check, progress: Progress | None = None
) -> np.ndarray:
    """Positions of the images that a check refuses."""
    bad = faults(source, lambda image: "" if check(image) else "bad", progress)
    return np.array(list(bad), np.int64)


def faults(
    source: Source,
    find: Callable[[str | bytes], str],
    progress: Progress | None = None,
) -> dict[int, str]:
    """What is wrong, by position."""
    if not source.encoded:
        return {}

    def look(place: int) -> str:
        return find(content(source, place))

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(look, range(len(source)))
        reasons = list(report(found, len(source), progress))
    return {place: reason for place, reason in enumerate(reasons) if reason}


def content(source: Source, place: int) -> str | bytes:
    """An image's path, or its bytes if it is no file of its own."""
    if source.in_files:
        return source.names[place]
    return source.fetch(tf.constant(source.indices[place])).numpy()


def report(
    results: Iterable[str], total: int, progress: Progress | None
) -> Iterable[str]:
    """Passes results on and tells how far it is."""
    for done, result in enumerate(results, 1):
        if progress and (done == total or done % 500 == 0):
            progress(done, total)
        yield result


def refuse_bad(source: Source, check: Check) -> None:
    """Raises with the names of the images that a check refuses.

    First bytes are looked at in files alone: elsewhere that would mean to read
    all of the data.
    """
    if check is has_signature and not source.in_files:
        return
    bad = find_bad(source, check)
    if len(bad):
        names = ", ".join(source.names[i] for i in bad[:NAMED])
        more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        raise InputError(
            "every file must be a whole JPEG, PNG, GIF, BMP or WebP of no more "
            "than max_pixels; mend or remove these, or leave such files out "
            f"with --on_bad_image=skip. Received: {names}{more}"
        )


@contextlib.contextmanager
def naming_bad(
    *sources: Source, max_pixels: int = MAX_PIXELS
) -> Iterator[None]:
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
            refuse_bad(source, lambda image: decodes(image, max_pixels))
        raise RunError(f"TensorFlow failed. Received: {reason}") from error


def skip_bad(
    source: Source,
    progress: Progress | None = None,
    max_pixels: int = MAX_PIXELS,
    every_class: bool = True,
) -> Source:
    """The source without the images that do not decode.

    Args:
        every_class: whether no class may lose all of its images.
    """
    bad = faults(source, lambda image: fault(image, max_pixels), progress)
    if not bad:
        return source
    good = np.setdiff1d(np.arange(len(source)), list(bad))
    skipped = tuple(
        f"{source.names[place]} ({reason})" for place, reason in bad.items()
    )
    rest = dataclasses.replace(source.subset(good), skipped=skipped)
    emptied = np.flatnonzero(
        (source.class_counts() > 0) & (rest.class_counts() == 0)
    )
    if len(emptied) and every_class:
        raise InputError(
            "every class needs at least one image that decodes. Received: none "
            f"in class {source.class_names[emptied[0]]}, e.g. {skipped[0]}"
        )
    return rest
