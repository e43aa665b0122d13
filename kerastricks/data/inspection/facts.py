"""What one image is like: its file, its size, its colours, its fingerprints.

Everything is measured on the pixels that training decodes, in one graph call an
image; the header alone tells the format and how colours are stored.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerastricks.data import exif as header
from kerastricks.data.bad_images import fault
from kerastricks.data.decode import MAX_PIXELS, decode
from kerastricks.data.resize import resize

Tensor = Any
SIDE = 32  # of a signature: enough to tell two photos apart
LAYOUT = 4  # of the colours
# Mean difference of an image's channels below which nobody sees a colour.
COLOURLESS = 0.5
# The weights of ITU-R BT.601, as PIL's convert("L").
GREY = (0.299, 0.587, 0.114)
JPEG_MODES = {1: "grayscale", 3: "RGB", 4: "CMYK"}
PNG_MODES = {
    0: "grayscale",
    2: "RGB",
    3: "palette",
    4: "grayscale and alpha",
    6: "RGBA",
}


@dataclasses.dataclass(frozen=True)
class Facts:
    """Of one image; those of an unreadable one end with its fault.

    Args:
        fault: what is wrong with it, or nothing.
        size: bytes of the file; 0 for pixels.
        format: JPEG, PNG, GIF, BMP, WebP or pixels.
        stored: how the file keeps colours: RGB, grayscale, palette, ...
        height, width: as seen, after EXIF's turn.
        rotated: whether EXIF has it turned or mirrored.
        colourless: whether the pixels are grey.
        mean, square: [3], of the pixels and of their squares, on 0..255.
        digest: of the file's bytes; equal files have equal ones.
        pixels: of the decoded pixels and their shape.
        signature: uint8 [32, 32], the whole image in grey.
        layout: uint8 [4, 4, 3], its colours from afar.
    """

    fault: str = ""
    size: int = 0
    format: str = "pixels"
    stored: str = "RGB"
    height: int = 0
    width: int = 0
    rotated: bool = False
    colourless: bool = False
    mean: np.ndarray | None = None
    square: np.ndarray | None = None
    digest: bytes = b""
    pixels: bytes = b""
    signature: np.ndarray | None = None
    layout: np.ndarray | None = None


Look = Callable[[Any], Facts]


def looker(
    encoded: bool, exif: bool = True, max_pixels: int = MAX_PIXELS
) -> Look:
    """A function from an image's bytes (or uint8 pixels) to its facts.

    Args:
        exif, max_pixels: as in `decode`.
    """
    measure = measurer(encoded, exif, max_pixels)

    def look(data: Any) -> Facts:
        if not encoded:
            return Facts(**measured(measure(data)))
        known: dict[str, Any] = {
            "size": len(data),
            "format": format_of(data),
        }
        if not known["format"]:
            return Facts(fault(data, max_pixels), size=len(data), format="")
        try:
            numbers = measured(measure(data))
        except tf.errors.OpError:
            return Facts(fault(data, max_pixels) or "damaged", **known)
        known["stored"] = stored_as(data[:64], numbers.pop("channels"))
        known["digest"] = hashlib.blake2b(data, digest_size=12).digest()
        return Facts(**known, **numbers)

    return look


def measurer(encoded: bool, exif: bool, max_pixels: int) -> Callable:
    """The graph behind `looker`."""

    def measure(data: Tensor) -> dict[str, Tensor]:
        if not encoded:
            return of_pixels(data)
        return of_pixels(decode(data, exif, max_pixels)) | of_file(data)

    spec = tf.TensorSpec([], tf.string)
    if not encoded:
        spec = tf.TensorSpec([None, None, 3], tf.uint8)
    return tf.function(measure, input_signature=[spec])


def of_file(data: Tensor) -> dict[str, Tensor]:
    """What only a JPEG's header tells."""
    jpeg = tf.io.is_jpeg(data)
    return {
        "channels": tf.cond(
            jpeg,
            lambda: tf.io.extract_jpeg_shape(data)[2],
            lambda: tf.constant(0),
        ),
        "rotated": tf.cond(
            jpeg, lambda: header.orientation(data) > 1, lambda: False
        ),
    }


def of_pixels(image: Tensor) -> dict[str, Tensor]:
    """Of uint8 [H, W, 3]."""
    shape = tf.shape(image)
    levels = tf.cast(image, tf.float32)
    spread = tf.reduce_max(image, axis=-1) - tf.reduce_min(image, axis=-1)
    small = tf.cast(resize(image, SIDE, SIDE), tf.float32)
    signature = tf.tensordot(small, tf.constant(GREY), 1)
    tile = SIDE // LAYOUT
    tiles = tf.reshape(small, [LAYOUT, tile, LAYOUT, tile, 3])
    return {
        "height": shape[0],
        "width": shape[1],
        "mean": tf.reduce_mean(levels, axis=[0, 1]),
        "square": tf.reduce_mean(levels**2, axis=[0, 1]),
        "spread": tf.reduce_mean(tf.cast(spread, tf.float32)),
        "print": tf.fingerprint(tf.reshape(image, [1, -1]))[0],
        "signature": tf.cast(tf.round(signature), tf.uint8),
        "layout": tf.cast(tf.round(tf.reduce_mean(tiles, [1, 3])), tf.uint8),
    }


def measured(found: dict[str, Tensor]) -> dict[str, Any]:
    """The graph's tensors as fields of `Facts`, and a JPEG's channels."""
    values = {name: value.numpy() for name, value in found.items()}
    values["height"] = int(values["height"])
    values["width"] = int(values["width"])
    shape = f"{values['height']}x{values['width']}".encode()
    values["pixels"] = values.pop("print").tobytes() + shape
    values["colourless"] = bool(values.pop("spread") < COLOURLESS)
    if "rotated" in values:
        values["rotated"] = bool(values["rotated"])
    return values


def format_of(data: bytes) -> str:
    """The name of an image's format by its first bytes, or nothing."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    starts = {
        b"\xff\xd8\xff": "JPEG",
        b"\x89PNG\r\n\x1a\n": "PNG",
        b"GIF8": "GIF",
        b"BM": "BMP",
    }
    return next(
        (name for start, name in starts.items() if data.startswith(start)), ""
    )


def stored_as(head: bytes, channels: int = 3) -> str:
    """How a file keeps colours.

    Args:
        head: the first 64 bytes of a whole image.
        channels: of a JPEG.
    """
    kind = format_of(head)
    if kind == "JPEG":
        return JPEG_MODES.get(int(channels), f"{channels} channels")
    if kind == "PNG":
        return PNG_MODES.get(head[25], "RGB")
    if kind == "BMP":
        depth = int.from_bytes(head[28:30], "little")
        return {32: "RGBA"}.get(depth, "palette" if depth <= 8 else "RGB")
    if kind == "WebP":
        return "RGBA" if webp_alpha(head.ljust(64, b"\0")) else "RGB"
    return "palette"


def webp_alpha(head: bytes) -> bool:
    """Whether a WebP has transparency, by its header's flags."""
    if head[15] == ord("X"):
        return bool(head[20] & 0x10)
    return bool(head[15] == ord("L") and head[24] & 0x10)
