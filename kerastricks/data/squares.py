"""From an image's bytes or pixels to the uint8 square that the model sees.

Training cuts a random part, evaluation and serving the centre; all decode and
resize by the functions of `decode` and `resize`.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from kerastricks.data import decode, resize
from kerastricks.data.crop import random_resized_crop_box, uniform
from kerastricks.data.sources.source import Source
from kerastricks.errors import InputError

Tensor = Any
# Sets the draw of the filter apart from the crop's, which has the key itself.
FILTER = 0x46494C54
# What evaluation takes where training takes either, as timm's ResNet-D do.
RANDOM_EVALUATES = "bicubic"


@dataclasses.dataclass(frozen=True)
class Squares:
    """How squares are cut.

    Args:
        size: their side.
        train_crop: `rrc` (random resized crop), `pad` (short side to size,
            `crop_padding` pixels around it, a random square), `resize` (short
            side to size / eval_crop, a random square) or `center` (as in
            evaluation).
        crop_area: smallest and largest share of the image.
        crop_aspect: smallest and largest width / height.
        eval_crop: share of the short side that the centre crop keeps.
        crop_padding: pixels on every side.
        crop_fill: `zeros`, or `reflect` for the image's own.
        interpolation: `bilinear`, `bicubic`, or `random`: either in training,
            bicubic in evaluation.
        exif: whether JPEGs are turned as their EXIF orientation says.
        max_pixels: larger images are an error; 0 for no limit.
        decode_scale: whether training may decode large JPEGs at 1/2, 1/4, 1/8.

    Example:
        squares = Squares(224, crop_area=(0.25, 1))
        squares.train(jpeg_bytes, key=tf.constant([0, 1]), encoded=True)
    """

    size: int
    train_crop: str = "rrc"
    crop_area: tuple[float, float] = (0.08, 1.0)
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
    eval_crop: float = 0.875
    crop_padding: int = 4
    crop_fill: str = "zeros"
    interpolation: str = "bilinear"
    exif: bool = True
    max_pixels: int = decode.MAX_PIXELS
    decode_scale: bool = True

    def __post_init__(self) -> None:
        if self.crop_fill == "reflect" and self.crop_padding >= self.size:
            raise InputError(
                "a mirror image is no larger than the image: crop_padding must "
                "be smaller than the square with crop_fill=reflect. Received: "
                f"crop_padding={self.crop_padding}, image_size={self.size}"
            )

    def training(self, source: Source, index: Tensor, key: Tensor) -> Tensor:
        """What training sees of the image at an index of `source.fetch`."""
        data = source.fetch(index)
        return data if source.square else self.train(data, key, source.encoded)

    def evaluation(self, source: Source, index: Tensor) -> Tensor:
        """What evaluation sees of it."""
        data = source.fetch(index)
        return data if source.square else self.eval(data, source.encoded)

    def kept(self, data: Tensor) -> Tensor:
        """What of an encoded image training needs: its pixels, made smaller
        already where that is the same each time."""
        image = self.decode(data)
        if self.target() and self.interpolation != "random":
            return resize.resize_short(image, self.target(), self.interpolation)
        return image

    def target(self) -> int:
        """The short side that an image has before a square is cut from it, if
        that is always the same."""
        return {
            "pad": self.size,
            "resize": round(self.size / self.eval_crop),
        }.get(self.train_crop, 0)

    def train(self, data: Tensor, key: Tensor, encoded: bool) -> Tensor:
        """One training square, a function of the int32 [2] key."""
        if self.train_crop == "center":
            return self.eval(data, encoded)
        if self.train_crop == "rrc":
            return self.resized_crop(data, key, encoded)
        image = self.decode(data) if encoded else data
        if self.train_crop == "pad":
            return self.padded_crop(image, key)
        if self.train_crop == "resize":
            return self.random_crop(image, key)
        raise ValueError(
            "train_crop must be rrc, pad, resize or center. "
            f"Received: train_crop={self.train_crop}"
        )

    def resized_crop(self, data: Tensor, key: Tensor, encoded: bool) -> Tensor:
        """A box of random size and place, resized."""

        def draw_box(height: Tensor, width: Tensor) -> Tensor:
            return random_resized_crop_box(
                height, width, key, self.crop_area, self.crop_aspect
            )

        if encoded:
            image = decode.decode_crop_resize(
                data,
                draw_box,
                self.size,
                self.drawn_filter(key),
                self.exif,
                self.max_pixels,
                self.decode_scale,
            )
        else:
            image = resize.resize(
                decode.crop(data, draw_box),
                self.size,
                self.size,
                self.drawn_filter(key),
            )
        return tf.ensure_shape(image, [self.size, self.size, 3])

    def padded_crop(self, image: Tensor, key: Tensor) -> Tensor:
        """torchvision's RandomCrop(size, padding) of the resized image."""
        around = self.crop_padding
        resized = resize.resize_short(
            image, self.target(), self.drawn_filter(key)
        )
        padded = tf.pad(
            resized,
            [[around, around], [around, around], [0, 0]],
            {"zeros": "CONSTANT", "reflect": "REFLECT"}[self.crop_fill],
        )
        shape = tf.shape(padded)
        top, left = self.drawn_corner(key, shape[0], shape[1])
        square = tf.slice(padded, [top, left, 0], [self.size, self.size, 3])
        return tf.ensure_shape(square, [self.size, self.size, 3])

    def random_crop(self, image: Tensor, key: Tensor) -> Tensor:
        """The short side as in evaluation, the square anywhere."""
        return resize.square_of_resized(
            image,
            self.size,
            self.target(),
            lambda height, width: self.drawn_corner(key, height, width),
            self.drawn_filter(key),
        )

    def drawn_corner(
        self, key: Tensor, height: Tensor, width: Tensor
    ) -> tuple[Tensor, Tensor]:
        """A square's corner, uniform over all places."""
        room = tf.stack([height, width]) - self.size + 1
        corner = tf.floor(uniform([2], key) * tf.cast(room, tf.float32))
        top, left = tf.unstack(tf.cast(corner, tf.int32))
        return top, left

    def drawn_filter(self, key: Tensor) -> Tensor | str:
        """The filter, or whether it is bicubic this time."""
        if self.interpolation != "random":
            return self.interpolation
        return uniform([], tf.bitwise.bitwise_xor(key, [FILTER, 0])) < 0.5

    def eval(self, data: Tensor, encoded: bool) -> Tensor:
        """The centre square."""
        return self.centre(self.decode(data) if encoded else data)

    def decode(self, data: Tensor) -> Tensor:
        """Bytes -> uint8 [H, W, 3]."""
        return decode.decode(data, self.exif, self.max_pixels)

    def centre(self, images: Tensor) -> Tensor:
        """The centre square of uint8 pixels [H, W, 3] or [N, H, W, 3]."""
        return resize.eval_square(
            images, self.size, self.eval_crop, self.eval_filter()
        )

    def eval_filter(self) -> str:
        """The filter of evaluation."""
        random = self.interpolation == "random"
        return RANDOM_EVALUATES if random else self.interpolation

    def way(self, finished: bool) -> str:
        """What the pixels depend on that a cache keeps.

        Args:
            finished: whether these are evaluation's squares.
        """
        if finished:
            made = f"{self.size} {self.eval_crop} {self.eval_filter()}"
        elif self.target() and self.interpolation != "random":
            made = f"short {self.target()} {self.interpolation}"
        else:
            made = "whole"
        return f"{made} exif={self.exif}"
