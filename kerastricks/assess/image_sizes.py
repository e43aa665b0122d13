"""How large the images of a source are, where that is cheap to know."""

import concurrent.futures

import numpy as np

from kerastricks.data import Source
from kerastricks.data.headers import file_size

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
