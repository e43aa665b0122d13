"""From an image's bytes or pixels to the uint8 square that the model sees.

Training cuts a random part, evaluation and serving the centre; both decode and
resize by the functions of `decode`.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from kerastricks.data import decode
from kerastricks.data.crop import random_resized_crop_box

Tensor = Any


@dataclasses.dataclass(frozen=True)
class Squares:
    """How squares are cut.

    Args:
        size: their side.
        train_crop: `rrc` (random resized crop) or `center` (as in evaluation).
        crop_area: smallest and largest share of the image.
        crop_aspect: smallest and largest width / height.
        eval_crop: share of the short side that the centre crop keeps.

    Example:
        squares = Squares(224, crop_area=(0.25, 1))
        squares.train(jpeg_bytes, key=tf.constant([0, 1]), encoded=True)
    """

    size: int
    train_crop: str = "rrc"
    crop_area: tuple[float, float] = (0.08, 1.0)
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
    eval_crop: float = 0.875

    def train(self, data: Tensor, key: Tensor, encoded: bool) -> Tensor:
        """One training square, a function of the int32 [2] key."""
        if self.train_crop == "center":
            return self.eval(data, encoded)

        def draw_box(height: Tensor, width: Tensor) -> Tensor:
            return random_resized_crop_box(
                height, width, key, self.crop_area, self.crop_aspect
            )

        take = decode.decode_and_crop if encoded else decode.crop
        image = decode.resize(take(data, draw_box), self.size, self.size)
        return tf.ensure_shape(image, [self.size, self.size, 3])

    def eval(self, data: Tensor, encoded: bool) -> Tensor:
        """The centre square."""
        return self.centre(decode.decode(data) if encoded else data)

    def centre(self, images: Tensor) -> Tensor:
        """The centre square of uint8 pixels [H, W, 3] or [N, H, W, 3]."""
        return decode.eval_square(images, self.size, self.eval_crop)
