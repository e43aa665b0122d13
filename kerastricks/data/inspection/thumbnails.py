"""Small pictures of images, as bytes for a page."""

from typing import Any

import tensorflow as tf

from kerastricks.data.decode import decode
from kerastricks.data.inspection.survey import data_of
from kerastricks.data.resize import resize
from kerastricks.data.sources.source import Source

SIDE = 112  # of the long side: about 4 KB as JPEG
SMALL = 96  # up to this, every pixel is shown: as PNG
QUALITY = 75


def thumbnail(
    source: Source, place: int, exif: bool = True, max_pixels: int = 0
) -> bytes:
    """The whole image, at most 112 pixels wide and high; PNG or JPEG."""
    data = data_of(source, place)
    image = decode(data, exif, max_pixels) if source.encoded else data
    return encoded(image)


def encoded(image: Any) -> bytes:
    """Of uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    if max(height, width) <= SMALL:
        return tf.io.encode_png(image).numpy()
    zoom = min(1.0, SIDE / max(height, width))
    sides = (max(1, round(side * zoom)) for side in (height, width))
    small = resize(image, *sides)
    return tf.io.encode_jpeg(small, quality=QUALITY).numpy()
