"""What the papers and their code say, in NumPy: what moves pixels."""

import math

import numpy as np

from conformance.adaptor import (
    Adaptor,
    Apply,
    Contestant,
    images_only,
    one_by_one,
)


def flip() -> Apply:
    random = np.random.default_rng(11)
    return one_by_one(lambda x: x[:, ::-1] if random.random() < 0.5 else x)


def alternating_flip() -> Apply:
    random = np.random.default_rng(12)
    state = {"first": None, "epoch": 0}

    def change(images: np.ndarray) -> np.ndarray:
        if state["first"] is None:
            state["first"] = random.random(len(images)) < 0.5
        mirrored = state["first"] ^ (state["epoch"] % 2 == 1)
        state["epoch"] += 1
        return np.where(
            mirrored[:, None, None, None], images[:, :, ::-1], images
        )

    return images_only(change)


def translate() -> Apply:
    random = np.random.default_rng(13)

    def change(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        padded = np.pad(image, [(4, 4), (4, 4), (0, 0)])
        y, x = random.integers(0, 9, 2)
        return padded[y : y + height, x : x + width]

    return one_by_one(change)


def blur() -> Apply:
    """SimCLR's: 23 taps, zeros beyond the border."""
    random = np.random.default_rng(14)
    places = np.arange(-11, 12)

    def change(image: np.ndarray) -> np.ndarray:
        if random.random() >= 0.5:
            return image
        weights = np.exp(-0.5 * (places / random.uniform(0.1, 2.0)) ** 2)
        weights /= weights.sum()
        for axis in (0, 1):
            margins = [
                (11, 11) if each == axis else (0, 0) for each in range(3)
            ]
            windows = np.lib.stride_tricks.sliding_window_view(
                np.pad(image, margins), 23, axis=axis
            )
            image = windows @ weights
        return image

    return one_by_one(change)


def crop() -> Apply:
    """Ten tries, then the largest centre crop; see kerastricks.data.crop."""
    random = np.random.default_rng(15)

    def change(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        for _ in range(10):
            area = random.uniform(0.08, 1) * height * width
            aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = (
                round(math.sqrt(area * aspect)),
                round(math.sqrt(area / aspect)),
            )
            if w <= width and h <= height:
                y = random.integers(0, height - h + 1)
                x = random.integers(0, width - w + 1)
                return sampled(image, y, x, h, w)
        return sampled(image, 0, 0, height, width)

    return one_by_one(change)


def sampled(image: np.ndarray, y: int, x: int, h: int, w: int) -> np.ndarray:
    """64 x 64 pixels of a box, exact for linear ramps."""
    places = (np.arange(64) + 0.5) / 64
    new = np.full((64, 64, 3), 100.0)
    new[..., 0] = (image[0, 0, 0] + y - 0.5 + h * places)[:, None]
    new[..., 1] = (image[0, 0, 1] + x - 0.5 + w * places)[None]
    return new


LAWS: Contestant = {
    "flip": Adaptor("rate .5", flip),
    "alternating flip": Adaptor("airbench's", alternating_flip),
    "translate": Adaptor("pad 4, crop 32", translate),
    "blur": Adaptor("SimCLR's, p .5, sigma .1..2", blur),
    "crop": Adaptor("area .08..1, aspect 3/4..4/3", crop),
}
