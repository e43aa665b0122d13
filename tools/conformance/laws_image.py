"""What the papers and their code say, in NumPy: colours and places."""

import math

import numpy as np

from conformance.adaptor import Adaptor, Apply, Contestant, one_by_one

LUMA = np.array([0.299, 0.587, 0.114])
# AlexNet's and GluonCV's numbers for ImageNet.
AXES = np.array(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ]
)
SIZES = np.array([55.46, 4.794, 1.148])
# The published matrices of MXNet's HueJitterAug.
TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]]
)
FROM_YIQ = np.array(
    [[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]]
)


def cut(image: np.ndarray) -> np.ndarray:
    return np.clip(image, 0, 255)


def brightened(image: np.ndarray, factor: float) -> np.ndarray:
    return cut(factor * image)


def contrasted(image: np.ndarray, factor: float) -> np.ndarray:
    return cut(factor * image + (1 - factor) * (image @ LUMA).mean())


def saturated(image: np.ndarray, factor: float) -> np.ndarray:
    return cut(factor * image + (1 - factor) * (image @ LUMA)[..., None])


def turned(image: np.ndarray, amount: float) -> np.ndarray:
    """A turn of the chroma plane by so many half circles."""
    cos, sin = math.cos(amount * math.pi), math.sin(amount * math.pi)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return cut(image @ (FROM_YIQ @ turn @ TO_YIQ).T)


def jitter(**strengths: float) -> Apply:
    """These changes by factors of their own, in random order."""
    random = np.random.default_rng(8)
    changes = {"brightness": brightened, "contrast": contrasted,
               "saturation": saturated, "hue": turned}  # fmt: skip

    def change(image: np.ndarray) -> np.ndarray:
        for name in random.permutation(list(strengths)):
            centre = 0 if name == "hue" else 1
            factor = centre + random.uniform(-1, 1) * strengths[name]
            image = changes[name](image, factor)
        return image

    return one_by_one(change)


def grayscale() -> Apply:
    random = np.random.default_rng(9)
    return one_by_one(
        lambda x: saturated(x, 0.0) if random.random() < 0.2 else x
    )


def pca_noise() -> Apply:
    random = np.random.default_rng(10)
    return one_by_one(lambda x: x + AXES @ (random.normal(0, 0.1, 3) * SIZES))


def normalize() -> Apply:
    mean = 255 * np.array([0.485, 0.456, 0.406])
    deviation = 255 * np.array([0.229, 0.224, 0.225])
    return one_by_one(lambda x: (x - mean) / deviation)


LAWS: Contestant = {
    "brightness": Adaptor(".4", lambda: jitter(brightness=0.4)),
    "contrast": Adaptor(".4", lambda: jitter(contrast=0.4)),
    "saturation": Adaptor(".4", lambda: jitter(saturation=0.4)),
    "hue": Adaptor("MXNet's, .1", lambda: jitter(hue=0.1)),
    "order": Adaptor(
        "MXNet's, .8", lambda: jitter(brightness=0.8, contrast=0.8)
    ),
    "grayscale": Adaptor("rate .2", grayscale),
    "pca noise": Adaptor("std .1", pca_noise),
    "normalize": Adaptor("ImageNet's numbers", normalize),
}
