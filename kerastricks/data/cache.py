"""--cache: decoded images kept in memory or on the local disk.

The first pass decodes every file once; after that the pipeline cuts its crops
out of pixels. Where the crop is the same each time (validation, and training
with --train_crop=center), it is the finished square that is kept, and where the
resizing is (pad, resize), the resized image. In memory the pixels are one long
uint8 tensor; on disk one file that is mapped, in the user's cache folder, named
by what it was made of.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data.decode import DECODER_VERSION
from kerastricks.data.sources.source import Source, stamp_of
from kerastricks.data.squares import Squares
from kerastricks.files import replacing, user_cache

Progress = Callable[[int, int], None]


def cached(
    source: Source,
    kind: str,
    squares: Squares,
    finished: bool = False,
    progress: Progress | None = None,
) -> Source:
    """The same source with its pixels at hand.

    Args:
        kind: `none`, `ram` or `disk`.
        squares: how images are decoded.
        finished: whether to keep just the squares of evaluation.
    """
    if kind == "none" or not source.encoded:
        return source
    if kind == "ram":
        images = list(decoded(source, squares, finished, progress))
        pixels = np.concatenate([image.reshape(-1) for image in images])
        fetch = from_memory(sides_of(images), pixels)
    else:
        fetch = from_disk(*disk_file(source, squares, finished, progress))
    return dataclasses.replace(
        source,
        fetch=fetch,
        encoded=False,
        indices=np.arange(len(source)),
        square=squares.size if finished else 0,
        anywhere=kind == "ram",
    )


def decoded(
    source: Source,
    squares: Squares,
    finished: bool,
    progress: Progress | None,
) -> Iterator[np.ndarray]:
    """Every image's pixels, or finished square, in order."""

    def pixels(index: Any) -> Any:
        if finished:
            return squares.evaluation(source, index)
        return squares.kept(source.fetch(index))

    images = tf.data.Dataset.from_tensor_slices(source.indices).map(
        pixels, num_parallel_calls=tf.data.AUTOTUNE
    )
    for done, image in enumerate(images.as_numpy_iterator(), 1):
        yield image
        if progress and (done % 500 == 0 or done == len(source)):
            progress(done, len(source))


def sides_of(images: Iterable[np.ndarray]) -> np.ndarray:
    """Heights and widths [N, 2]."""
    return np.array([image.shape[:2] for image in images], np.int64)


def starts(shapes: np.ndarray) -> np.ndarray:
    """Where each image begins among the pixels of all."""
    return np.concatenate([[0], np.cumsum(3 * shapes.prod(axis=1))])


def from_memory(shapes: np.ndarray, pixels: np.ndarray) -> Callable[[Any], Any]:
    """A fetch out of one long tensor."""
    with tf.device("CPU"):
        flat, begin, sides = (
            tf.constant(array) for array in (pixels, starts(shapes), shapes)
        )

    def fetch(index: Any) -> Any:
        part = flat[tf.gather(begin, index) : tf.gather(begin, index + 1)]
        height, width = tf.unstack(tf.gather(sides, index), num=2)
        return tf.reshape(part, [height, width, 3])

    return fetch


def disk_file(
    source: Source,
    squares: Squares,
    finished: bool,
    progress: Progress | None,
) -> tuple[np.ndarray, np.ndarray]:
    """(shapes, mapped pixels), made if they are not there yet."""
    folder = user_cache() / "decoded"
    way = squares.way(finished)
    path = folder / f"{fingerprint(source, way)}.pixels"
    about = path.with_suffix(".shapes.npy")
    if not (path.is_file() and about.is_file()):
        sides = []
        with replacing(path) as partial, open(partial, "wb") as file:
            for image in decoded(source, squares, finished, progress):
                file.write(image.tobytes())
                sides.append(image.shape[:2])
        with replacing(about) as partial:
            np.save(partial, np.array(sides, np.int64))
    return np.load(about), np.memmap(path, np.uint8, "r")


def from_disk(shapes: np.ndarray, pixels: np.ndarray) -> Callable[[Any], Any]:
    """A fetch out of a mapped file."""
    begin = starts(shapes)

    def read(index: np.ndarray) -> np.ndarray:
        part = pixels[begin[index] : begin[index + 1]]
        return np.array(part).reshape(*shapes[index], 3)

    def fetch(index: Any) -> Any:
        image = tf.numpy_function(read, [index], tf.uint8, stateful=False)
        return tf.ensure_shape(image, [None, None, 3])

    return fetch


def fingerprint(source: Source, way: str = "") -> str:
    """Of the images (names, sizes, times of change) and how they are decoded.

    Args:
        way: what else the pixels depend on.
    """
    made = f"{DECODER_VERSION} {tf.__version__} {way} {stamp_of(source)}"
    return hashlib.sha256(made.encode()).hexdigest()[:24]
