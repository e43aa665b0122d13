"""How large the images of a source are, where that is cheap to know."""

import concurrent.futures
import os

import numpy as np
from PIL import Image

from kerastricks.data import Source

THREADS = 16  # they wait for the disk, not for a core


def image_sizes(source: Source) -> np.ndarray | None:
    """int64 [N, 2], (height, width) as stored, from the files' headers.

    None where images are in no files of their own, or a header cannot be read.
    """
    if not source.in_files:
        return None
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        sizes = list(pool.map(file_size, source.names, chunksize=64))
    if not all(sizes):
        return None
    return np.array(sizes, np.int64)


def file_size(path: str) -> tuple[int, int] | None:
    """(height, width) of a picture, without decoding it."""
    try:
        with open(os.fsencode(path), "rb") as file, Image.open(file) as image:
            width, height = image.size
    except Exception:  # PIL raises many kinds for what is no picture
        return None
    return height, width
