"""--normalize=dataset: mean and deviation of the training images.

    mean = E[x],  std = sqrt(E[x^2] - mean^2)   per channel, over all pixels

of the evaluation squares of a seeded sample, on 0..255. Measured once; the
user's cache keeps the numbers under a name made of the images and the crop.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data.cache import fingerprint
from kerastricks.data.pipeline import eval_pipeline
from kerastricks.data.sources.source import Source
from kerastricks.data.squares import Squares
from kerastricks.files import user_cache, write_text

SAMPLE = 10_000  # images: the mean is then good to half a grey level or so
BATCH = 100
Moments = tuple[tuple[float, ...], tuple[float, ...]]


def dataset_statistics(
    source: Source,
    image_size: int,
    progress: Callable[[int, int], None] | None = None,
    **crops: Any,
) -> Moments:
    """(mean, std) of each channel, from the cache if they are there."""
    way = f"statistics {SAMPLE} {Squares(image_size, **crops)}"
    folder = user_cache() / "statistics"
    file = folder / f"{fingerprint(source, way)}.json"
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        return tuple(kept["mean"]), tuple(kept["std"])
    mean, std = measure(sample_of(source), image_size, progress, **crops)
    write_text(file, json.dumps({"mean": mean, "std": std}))
    return mean, std


def sample_of(source: Source) -> Source:
    """So many of the images, the same each time."""
    if len(source) <= SAMPLE:
        return source
    chosen = np.random.RandomState(0).permutation(len(source))[:SAMPLE]
    return source.subset(np.sort(chosen))


def measure(
    source: Source,
    image_size: int,
    progress: Callable[[int, int], None] | None,
    **crops: Any,
) -> Moments:
    """The same of every image, without a look into the cache."""
    total = np.zeros(3)
    squared = np.zeros(3)
    done = 0
    for inputs, _ in eval_pipeline(
        source, image_size=image_size, batch_size=BATCH, **crops
    ):
        pixels = tf.cast(inputs["image"], tf.float64)
        total += tf.reduce_sum(pixels, axis=(0, 1, 2)).numpy()
        squared += tf.reduce_sum(pixels**2, axis=(0, 1, 2)).numpy()
        done += len(pixels)
        if progress:
            progress(done, len(source))
    count = done * image_size**2
    mean = total / count
    std = np.sqrt(np.maximum(squared / count - mean**2, 0))
    return tuple(mean.tolist()), tuple(std.tolist())
