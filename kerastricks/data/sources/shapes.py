"""Shapes, the built-in dataset: 10 classes of drawn shapes, no download.

    --data=shapes      4,000 train + 1,000 test colour images, 64 x 64, JPEG

What it is: one arrow, circle, crescent, cross, heart, pentagon, ring, square,
star or triangle in each image, 400 a class to train on and 100 a class to test.
It is drawn once, in about 8 s on one core, into a cache folder of 13 MB, laid
out like any image folder.

What makes it hard, each strength a constant below: any rotation; size,
position, squeeze and proportions of the shape; colours that say nothing of the
class, at times with little contrast; textures behind and shading within; marks
around and a bar across; a shadow, uneven light, blur and noise.

The same bytes everywhere: a random number is an integer hash of (image, name of
the draw), and a pixel is made of elementwise + - * / sqrt floor min max, which
IEEE 754 rounds in one way. There are no reductions over floats (their order
follows the SIMD width) and no sin or exp (their last bit follows libm); cosines
come from a table of multiples of 2^-16. Arrays of reals are float32, for speed,
and never meet a float64 scalar: NumPy 1 and 2 differ on what that makes. JPEG's
is the integer DCT.

Example:
    folder = shapes_folder()            # folder/train/arrow/0000.jpg ...
    images = render("test", CLASS_NAMES.index("star"), range(8))  # no files

Distance functions after Inigo Quilez, "2D distance functions" (iquilezles.org);
the hash is Chris Wellons' lowbias32 (nullprogram.com, "Prospecting for hash
functions", 2018).
"""

import math
import pathlib
import shutil
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from kerastricks.files import user_cache

CLASS_NAMES: tuple[str, ...] = (
    "arrow",
    "circle",
    "crescent",
    "cross",
    "heart",
    "pentagon",
    "ring",
    "square",
    "star",
    "triangle",
)
IMAGE_SIZE = 64
IMAGES_PER_CLASS: Mapping[str, int] = {"train": 400, "test": 100}
VERSION = "shapes-v1"  # a change of any pixel is a new version

# The strengths of the nuisances. (low, high) is a uniform range; lengths are in
# pixels unless "of the radius"; colours and contrasts are on a 0..1 scale.
RADIUS = (17.0, 28.0)  # of the shape
OVERHANG = 0.05  # of the radius, that may lie outside of the frame
SQUEEZE = (0.88, 1.0)  # height over width, before the rotation
CONTRAST = (0.32, 0.65)  # luma step from the shape to its surroundings
SATURATION = (0.1, 0.75)  # of any colour
TEXTURE_TOWARDS = 0.2  # of CONTRAST, the texture's approach to the shape
TEXTURE_AWAY = (0.02, 0.13)  # the texture's other tone, away from the shape
TEXTURE_PERIOD = (7.0, 22.0)  # of stripes, checks, dots and clouds
SHADING = 0.25  # of CONTRAST, the ramp of luma across the shape
SHADOW = (0.0, 0.3)  # share of light that the shape's shadow takes
MARKS = 2  # strokes and dots around the shape, at most
MARK_CHANCE = 0.6  # that each of them is there
MARK_LENGTH = (0.0, 4.5)  # half of a stroke; near 0 it is a dot
MARK_WIDTH = (1.0, 2.4)  # half of a stroke
BAR_CHANCE = 0.12  # that a bar lies across the shape
BAR_WIDTH = (0.08, 0.2)  # of the radius, half of the bar
BAR_OFFSET = 0.7  # of the radius, from the shape's centre
LIGHT = 0.2  # relative ramp of light across the image
BRIGHTNESS = (0.75, 1.15)  # gain of the whole image
BLUR_CHANCE = 0.5
BLUR_PASSES = 1  # of the kernel 1 2 1, at most: a deviation of 0.7
NOISE = (0.0, 0.06)  # half the width of uniform noise, each channel apart

_BATCH = 50  # images drawn at once: 0.8 MB an array stays within the cache
_TURN = 960  # entries of the table of cosines; 3, 4, 5 and 10 divide it
_COSINE = np.array(
    [
        round(math.cos(2 * math.pi * i / _TURN) * 65536) / 65536
        for i in range(_TURN)
    ],
    np.float32,
)
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_X = np.arange(0.5, IMAGE_SIZE, dtype=np.float32)[None, :]
_Y = _X.T
_WINDOW = np.arange(IMAGE_SIZE)


def shapes_folder(
    cache: pathlib.Path | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    _counts: Mapping[str, int] = IMAGES_PER_CLASS,
) -> pathlib.Path:
    """Folder of the dataset, drawn on the first call (a few seconds).

    Args:
        cache: where to keep it. Default `$KERASTRICKS_CACHE`, else
            `$XDG_CACHE_HOME/kerastricks`, else `~/.cache/kerastricks`.
        progress: called with (images written, images in all).
    """
    cache = user_cache() if cache is None else pathlib.Path(cache)
    folder = cache / VERSION
    if folder.is_dir():
        return folder
    draft = cache / f".{VERSION}-{uuid.uuid4().hex}"
    try:
        draft.mkdir(parents=True)
        _write(draft, _counts, progress)
        _put_in_place(draft, folder)
    except OSError as error:
        raise OSError(
            error.errno,
            "The shapes dataset is drawn into a cache folder, which must be "
            "writable and have 20 MB to spare; set KERASTRICKS_CACHE to such "
            f"a folder. Received: cache={str(cache)!r} ({error.strerror})",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def render(split: str, label: int, indices: Sequence[int]) -> np.ndarray:
    """Images of one class before JPEG: uint8 [len(indices), 64, 64, 3].

    An image depends on (split, label, index) alone, not on its batch.
    """
    if split not in IMAGES_PER_CLASS:
        raise ValueError(
            f"split must be 'train' or 'test'. Received: split={split!r}"
        )
    if not 0 <= label < len(CLASS_NAMES):
        raise ValueError(f"label must be 0 to 9. Received: label={label}")
    draw = _Draws(split, label, indices)
    shape, ground = _tones(draw)
    pose = _Pose(draw)
    image = _background(draw, ground)
    image = _marks(draw, image, shape)
    image = _shape(draw, image, shape, pose, CLASS_NAMES[label])
    image = _bar(draw, image, ground, pose)
    image = _blur(draw, _light(draw, image)) + _noise(draw)
    levels = np.floor(np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(0, 2, 3, 1))


# Files


def _write(folder, counts, progress) -> None:
    total, done = len(CLASS_NAMES) * sum(counts.values()), 0
    for path, jpeg in _encoded(counts):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(jpeg)
        done += 1
        if progress and (done % 100 == 0 or done == total):
            progress(done, total)


def _encoded(counts) -> Iterator[tuple[str, bytes]]:
    for split, count in counts.items():
        for label, name in enumerate(CLASS_NAMES):
            for first in range(0, count, _BATCH):
                indices = range(first, min(first + _BATCH, count))
                images = render(split, label, indices)
                for index, image in zip(indices, images, strict=True):
                    yield f"{split}/{name}/{index:04d}.jpg", _jpeg(image)


def _jpeg(image: np.ndarray) -> bytes:
    import tensorflow as tf

    with tf.device("CPU:0"):
        # Whole chroma: at low contrast the edge of a shape may be colour alone.
        jpeg = tf.io.encode_jpeg(image, quality=90, chroma_downsampling=False)
    return jpeg.numpy()


def _put_in_place(draft: pathlib.Path, folder: pathlib.Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first
            raise


# Random numbers


def _mix(bits: np.ndarray) -> np.ndarray:
    """lowbias32, a bijection of uint32 that changes half of the bits."""
    bits = (bits ^ (bits >> 16)) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * np.uint32(0x846CA68B)
    return bits ^ (bits >> 16)


def _direction(turn):
    """(cos, sin) of an angle in table entries."""
    return _COSINE[turn], _COSINE[turn - _TURN // 4]


class _Draws:
    """Random numbers of a batch of images, each a function of (image, name)."""

    def __init__(self, split: str, label: int, indices: Sequence[int]):
        stream = zlib.crc32(f"{VERSION}/{split}/{label}".encode())
        image = np.array(indices, np.uint32) ^ np.uint32(stream)
        self._image = _mix(image)[:, None, None]

    def bits(self, name: str, height: int = 1, width: int = 1) -> np.ndarray:
        """uint32 [images, height, width]."""
        image = _mix(self._image ^ np.uint32(zlib.crc32(name.encode())))
        count = np.arange(height * width, dtype=np.uint32)
        return _mix(image ^ _mix(count).reshape(height, width))

    def uniform(
        self, name: str, low: float = 0.0, high: float = 1.0
    ) -> np.ndarray:
        """float32 [images, 1, 1] from low to high."""
        share = self.bits(name) * 2.0**-32
        return (low + share * (high - low)).astype(np.float32)

    def direction(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(cos, sin) of a uniform angle, [images, 1, 1] each."""
        return _direction(self.number(name, _TURN))

    def number(self, name: str, below: int) -> np.ndarray:
        """int64 [images, 1, 1]."""
        return self.bits(name).astype(np.int64) % below

    def happens(self, name: str, chance: float) -> np.ndarray:
        """bool [images, 1, 1]."""
        return self.bits(name) < chance * 2.0**32


# Colours: [images, 3, 1, 1], of a given luma.


def _colour(draw, name, luma, hue=None) -> np.ndarray:
    hue = draw.uniform(name + " hue") if hue is None else hue
    hue = (hue - np.floor(hue)) * 6.0
    # The saturated colour of a hue, piecewise linear, as in HSV.
    red = np.clip(np.abs(hue - 3.0) - 1.0, 0.0, 1.0)
    green = np.clip(2.0 - np.abs(hue - 2.0), 0.0, 1.0)
    blue = np.clip(2.0 - np.abs(hue - 4.0), 0.0, 1.0)
    grey = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    saturation = draw.uniform(name + " saturation", *SATURATION)
    colour = np.stack([red - grey, green - grey, blue - grey], axis=1)
    return np.clip(luma[:, None] + saturation[:, None] * colour, 0.0, 1.0)


def _tones(draw):
    """((shape, its shading), (ground, its other tone)): pairs of colours."""
    contrast = draw.uniform("contrast", *CONTRAST)
    up = 1.0 - 2.0 * draw.happens("darker", 0.5).astype(np.float32)
    middle = draw.uniform("luma") * (0.84 - contrast) + 0.08 + contrast * 0.5
    shape, ground = middle + up * contrast * 0.5, middle - up * contrast * 0.5
    near = ground + up * contrast * draw.uniform("near", 0.0, TEXTURE_TOWARDS)
    far = ground - up * draw.uniform("far", *TEXTURE_AWAY)
    shade = up * contrast * draw.uniform("shade", 0.0, SHADING)
    hue = draw.uniform("ground hue")
    turned = hue + draw.uniform("turned", -0.1, 0.1)
    shape_colour = _colour(draw, "shape", shape)
    return (shape_colour, shape_colour + shade[:, None]), (
        _colour(draw, "near", near, hue),
        _colour(draw, "far", far, turned),
    )


def _paint(image, cover, colour) -> np.ndarray:
    """Colour over an image, where cover [images, size, size] is 1."""
    painted = cover[:, None] * (colour - image)
    painted += image
    return painted


def _cover(distance) -> np.ndarray:
    """Anti-aliased share of a pixel, from the distance to an edge in pixels."""
    return np.clip(0.5 - distance, 0.0, 1.0)


def _length(x, y) -> np.ndarray:
    return np.sqrt(x * x + y * y)


# The ground


def _background(draw, ground) -> np.ndarray:
    near, far = ground
    kind = draw.number("texture", len(_TEXTURES))
    cosine, sine = draw.direction("texture direction")
    period = draw.uniform("texture period", *TEXTURE_PERIOD)
    x = (_X * cosine + _Y * sine) / period + draw.uniform("texture x")
    y = (_Y * cosine - _X * sine) / period + draw.uniform("texture y")
    # 24 bits, as many as float32 holds without rounding.
    lattice = (draw.bits("clouds", 16, 16) >> 8).astype(np.float32) * 2.0**-24
    cover = np.empty_like(x)
    for number, texture in enumerate(_TEXTURES):
        some = np.flatnonzero(kind == number)
        cover[some] = texture(x[some], y[some], period[some], lattice[some])
    return _paint(near, cover, far)


def _wave(x) -> np.ndarray:
    """Triangle wave of period 1, from -0.25 to 0.25, slope 1."""
    return np.abs(x - np.floor(x) - 0.5) - 0.25


def _ramp(x, y, period, lattice) -> np.ndarray:
    return np.clip(0.5 + (x - 2.0) * period * 0.012, 0.0, 1.0)


def _stripes(x, y, period, lattice) -> np.ndarray:
    return _cover(_wave(x) * period)


def _checks(x, y, period, lattice) -> np.ndarray:
    a, b = _wave(x * 0.5), _wave(y * 0.5)
    inside = np.minimum(np.abs(a), np.abs(b)) * period * 2.0
    return _cover(np.where(a * b < 0.0, -inside, inside))


def _dots(x, y, period, lattice) -> np.ndarray:
    x, y = x - np.floor(x) - 0.5, y - np.floor(y) - 0.5
    return _cover((_length(x, y) - 0.27) * period)


def _clouds(x, y, period, lattice) -> np.ndarray:
    """Value noise: random numbers at the corners of cells, smoothly joined."""
    left, top = np.floor(x), np.floor(y)
    x, y = x - left, y - top
    x, y = x * x * (3.0 - 2.0 * x), y * y * (3.0 - 2.0 * y)
    column, row = left.astype(np.int32), top.astype(np.int32)
    image = np.arange(len(lattice))[:, None, None] * 256

    def corner(right, down):
        cell = ((row + down) & 15) * 16 + ((column + right) & 15)
        return lattice.take(image + cell)

    upper = corner(0, 0) + x * (corner(1, 0) - corner(0, 0))
    lower = corner(0, 1) + x * (corner(1, 1) - corner(0, 1))
    return upper + y * (lower - upper)


_TEXTURES = (_ramp, _stripes, _checks, _dots, _clouds)


def _marks(draw, image, shape) -> np.ndarray:
    """Dots and strokes; the first has the colour of the shape."""
    size = 2 * math.ceil(MARK_LENGTH[1] + MARK_WIDTH[1] + 1.0)
    every = np.arange(len(image))[:, None, None]
    for mark in range(MARKS):
        name = f"mark {mark} "
        # Only the window around a mark is painted: it is small.
        left = draw.number(name + "x", IMAGE_SIZE - size)
        top = draw.number(name + "y", IMAGE_SIZE - size)
        rows, columns = top + _WINDOW[:size, None], left + _WINDOW[:size]
        cover = _mark_cover(draw, name, size)
        luma = draw.uniform(name + "luma", 0.1, 0.9)
        colour = _colour(draw, name, luma) if mark else shape[0]
        window = image[every, :, rows, columns].transpose(0, 3, 1, 2)
        painted = _paint(window, cover, colour)
        image[every, :, rows, columns] = painted.transpose(0, 2, 3, 1)
    return image


def _mark_cover(draw, name, size) -> np.ndarray:
    cosine, sine = draw.direction(name + "direction")
    x, y = _X[:, :size] - size / 2, _Y[:size] - size / 2
    along, across = np.abs(x * cosine + y * sine), y * cosine - x * sine
    beyond = along - draw.uniform(name + "length", *MARK_LENGTH)
    width = draw.uniform(name + "width", *MARK_WIDTH)
    cover = _cover(_length(np.maximum(beyond, 0.0), across) - width)
    return cover * draw.happens(name + "chance", MARK_CHANCE)


# The shape


class _Pose:
    """Where the shape is: its radius, and the pixels as seen from it."""

    def __init__(self, draw: _Draws):
        self.radius = draw.uniform("radius", *RADIUS)
        margin = self.radius * (1.0 - OVERHANG)
        room = IMAGE_SIZE - 2.0 * margin
        self.x = _X - (margin + room * draw.uniform("x"))
        self.y = _Y - (margin + room * draw.uniform("y"))
        self.squeeze = draw.uniform("squeeze", *SQUEEZE)
        self.cosine, self.sine = draw.direction("rotation")

    def local(self, right: float | np.ndarray = 0.0, down=0.0):
        """Coordinates in radii, turned with the shape moved by some pixels."""
        x, y = self.x - right, self.y - down
        along = (x * self.cosine + y * self.sine) / self.radius
        across = (y * self.cosine - x * self.sine) / self.radius
        return along, across / self.squeeze


def _shape(draw, image, shape, pose, name) -> np.ndarray:
    outline = _OUTLINES[name]
    away = draw.uniform("shadow distance", 1.0, 4.0)
    right, down = draw.direction("shadow direction")
    soft = draw.uniform("shadow softness", 2.0, 6.0)
    shadow = outline(draw, *pose.local(right * away, down * away))
    dark = _cover(shadow * pose.radius / soft) * draw.uniform("dark", *SHADOW)
    image = image * (1.0 - dark[:, None])
    x, y = pose.local()
    cover = _cover(outline(draw, x, y) * pose.radius)
    shade = np.clip(0.5 + 0.5 * x, 0.0, 1.0)
    return _paint(image, cover, _paint(shape[0], shade, shape[1]))


def _bar(draw, image, ground, pose) -> np.ndarray:
    """A straight bar over the shape, of any luma and a hue of its own."""
    cosine, sine = draw.direction("bar direction")
    offset = draw.uniform("bar offset", -BAR_OFFSET, BAR_OFFSET)
    width = draw.uniform("bar width", *BAR_WIDTH)
    across = pose.x * cosine + pose.y * sine - offset * pose.radius
    cover = _cover(np.abs(across) - width * pose.radius)
    cover = cover * draw.happens("bar", BAR_CHANCE)
    colour = _colour(draw, "bar", draw.uniform("bar luma", 0.1, 0.9))
    plain = draw.happens("bar plain", 0.5)  # half of them seem gaps
    return _paint(image, cover, np.where(plain[:, None], ground[0], colour))


# Outlines: the distance to the edge, negative inside, of a shape of radius 1.


def _polygon(x, y, sides: int, inner: float) -> np.ndarray:
    """Regular polygon of an inner radius, one side to the right."""
    distance = x - inner
    for side in range(1, sides):
        cosine, sine = _direction(side * _TURN // sides)
        distance = np.maximum(distance, x * cosine + y * sine - inner)
    return distance


def _arrow(draw, x, y) -> np.ndarray:
    neck = draw.uniform("neck", -0.1, 0.2)
    thick = draw.uniform("thick", 0.15, 0.28)
    wide = draw.uniform("wide", 0.6, 0.8)
    shaft = np.maximum(np.abs(x + 0.3) - 0.65, np.abs(y) - thick)
    slope = (1.0 - neck) / wide
    side = (x - 1.0 + np.abs(y) * slope) / _length(1.0, slope)
    return np.minimum(shaft, np.maximum(neck - x, side))


def _circle(draw, x, y) -> np.ndarray:
    return _length(x, y) - 0.88


def _crescent(draw, x, y) -> np.ndarray:
    bite = draw.uniform("bite", 0.66, 0.78)
    away = draw.uniform("away", 0.42, 0.55)
    x = x - 0.2
    return np.maximum(_length(x, y) - 0.95, bite - _length(x - away, y))


def _cross(draw, x, y) -> np.ndarray:
    thick = draw.uniform("thick", 0.2, 0.34)
    x, y = np.abs(x), np.abs(y)
    return np.maximum(np.maximum(x, y) - 0.92, np.minimum(x, y) - thick)


def _heart(draw, x, y) -> np.ndarray:
    scale = draw.uniform("scale", 1.55, 1.75)
    x, y = np.abs(x) / scale, 0.53 - y / scale
    lobe = _length(x - 0.25, y - 0.75) - math.sqrt(2.0) / 4.0
    middle = np.maximum(x + y, 0.0) * 0.5
    edge = np.minimum(_length(x, y - 1.0), _length(x - middle, y - middle))
    edge = np.where(x < y, -edge, edge)
    return np.where(x + y > 1.0, lobe, edge) * scale


def _pentagon(draw, x, y) -> np.ndarray:
    return _polygon(x, y, 5, 0.8)


def _ring(draw, x, y) -> np.ndarray:
    thick = draw.uniform("thick", 0.12, 0.24)
    return np.abs(_length(x, y) - 0.92 + thick) - thick


def _square(draw, x, y) -> np.ndarray:
    return _polygon(x, y, 4, 0.76)


def _star(draw, x, y) -> np.ndarray:
    """Five points: folded into half of one, whose edge is a line."""
    y = np.abs(y)
    for turn in (3 * _TURN // 10, _TURN // 10):
        cosine, sine = _direction(turn)
        beyond = np.maximum(y * cosine - x * sine, 0.0) * 2.0
        x, y = x + beyond * sine, y - beyond * cosine
    inner = draw.uniform("inner", 0.4, 0.52)
    cosine, sine = _direction(_TURN // 10)
    rise, run = inner * sine, 1.05 - inner * cosine
    return ((x - 1.05) * rise + np.abs(y) * run) / _length(rise, run)


def _triangle(draw, x, y) -> np.ndarray:
    return _polygon(x, y, 3, 0.54)


_OUTLINES = {
    "arrow": _arrow,
    "circle": _circle,
    "crescent": _crescent,
    "cross": _cross,
    "heart": _heart,
    "pentagon": _pentagon,
    "ring": _ring,
    "square": _square,
    "star": _star,
    "triangle": _triangle,
}


# The camera


def _light(draw, image) -> np.ndarray:
    right, down = draw.direction("light direction")
    ramp = (_X * right + _Y * down) / IMAGE_SIZE - (right + down) * 0.5
    light = 1.0 + ramp * 2.0 * draw.uniform("light", 0.0, LIGHT)
    return image * (light * draw.uniform("brightness", *BRIGHTNESS))[:, None]


def _blur(draw, image) -> np.ndarray:
    passes = 1 + draw.number("passes", BLUR_PASSES)
    passes = passes * draw.happens("blur", BLUR_CHANCE)
    for number in range(BLUR_PASSES):
        some = np.flatnonzero(passes > number)
        image[some] = _blur_rows(_blur_columns(image[some]))
    return image


def _blur_columns(image) -> np.ndarray:
    """Kernel (1 2 1) / 4, the border pixels repeated."""
    blurred = image * 0.5
    blurred[..., 1:] += image[..., :-1] * 0.25
    blurred[..., :1] += image[..., :1] * 0.25
    blurred[..., :-1] += image[..., 1:] * 0.25
    blurred[..., -1:] += image[..., -1:] * 0.25
    return blurred


def _blur_rows(image) -> np.ndarray:
    return _blur_columns(image.swapaxes(2, 3)).swapaxes(2, 3)


def _noise(draw) -> np.ndarray:
    """Uniform, 10 bits of each random word for each of the three channels."""
    words = draw.bits("noise", IMAGE_SIZE, IMAGE_SIZE)
    words = np.stack([words >> 22, words >> 12, words >> 2], axis=1)
    levels = (words & np.uint32(1023)).astype(np.float32) - 511.5
    return levels * (draw.uniform("noise", *NOISE)[:, None] / 511.5)
