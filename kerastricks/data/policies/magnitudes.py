"""Magnitudes of each operation by bin, as torchvision has them.

A row is [bins]: from nothing to the most. Translations are a share of the
image's side or a number of pixels.
"""

import numpy as np

SIGNED = frozenset(
    ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
    + ("Brightness", "Color", "Contrast", "Sharpness")
)


def linspace(start: float, end: float, bins: int) -> np.ndarray:
    """torch.linspace in float32: from both ends towards the middle.

    Multiplied and added in one rounding, as its kernel does: half of the 32
    pixels of TrivialAugment is a little less than 16, and 15 are moved.
    """
    first, last = float(np.float32(start)), float(np.float32(end))
    step = float(np.float32(last - first) / np.float32(bins - 1))
    i = np.arange(bins)
    values = np.where(
        i < bins // 2, first + step * i, last - step * (bins - 1 - i)
    )
    return values.astype(np.float32)


def bits(most: int, fewer: int, bins: int) -> np.ndarray:
    """Bits that stay: from `most` down by `fewer`."""
    return most - np.round(np.arange(bins) / ((bins - 1) / fewer))


def table(
    names: tuple[str, ...],
    bins: int,
    *,
    shear: float = 0.3,
    translate: tuple[float, float],
    degrees: float = 30.0,
    enhance: float = 0.9,
    bits_left: tuple[int, int] = (8, 4),
) -> np.ndarray:
    """float32 [len(names), bins].

    Args:
        translate: largest, in pixels, of x and of y.
        enhance: largest change of a factor.
        bits_left: (most, how many fewer at the last bin) of posterisation.
    """
    enhancements = ("Brightness", "Color", "Contrast", "Sharpness")
    ends = dict.fromkeys(enhancements, enhance)
    ends |= {"ShearX": shear, "ShearY": shear, "Rotate": degrees}
    ends |= {"TranslateX": translate[0], "TranslateY": translate[1]}
    rows = {name: linspace(0, end, bins) for name, end in ends.items()}
    rows["Posterize"] = bits(*bits_left, bins)
    rows["Solarize"] = linspace(255, 0, bins)
    nothing = np.zeros(bins)
    return np.stack([rows.get(name, nothing) for name in names]).astype(
        np.float32
    )


def signs(names: tuple[str, ...]) -> np.ndarray:
    """bool [len(names)]: whether half of the magnitudes are negative."""
    return np.array([name in SIGNED for name in names])
