"""Probes of changes of colour: few known pixels, whose new values tell."""

import numpy as np

from conformance.adaptor import Apply
from conformance.stats import distinct, most_common

BATCH = 16
LUMA = np.array([0.299, 0.587, 0.114])
# In the middle, so that nothing clips.
COLORS = np.array(
    [[140, 120, 90], [150, 130, 120], [90, 120, 130], [120, 95, 140]],
    np.float32,
)


def outputs(apply: Apply, n: int, pixels: np.ndarray) -> list[np.ndarray]:
    """[B, P, 3] of n calls on images of these pixels [P, 3], 8 x 8 of each."""
    image = np.repeat(np.repeat(pixels[None], 8, axis=1), 8, axis=0)
    images = np.broadcast_to(image, (BATCH, *image.shape)).astype(np.float32)
    labels = np.eye(BATCH, dtype=np.float32)
    return [
        np.asarray(apply(images.copy(), labels)[0], np.float64)[:, 4, 4::8]
        for _ in range(n)
    ]


def drawn_for(batches: list[np.ndarray], step: float = 1e-3) -> str:
    """Whether the samples of a batch have draws of their own."""
    several = [distinct(batch, step) for batch in batches]
    return "each image" if np.median(several) > 2 else "the batch"


def spread(values: np.ndarray) -> list[float]:
    """Smallest, mean and largest."""
    return [values.min(), values.mean(), values.max()]


def brightness(apply: Apply, n: int) -> dict[str, object]:
    """Greys from 110 to 140: slope and offset of what became of them."""
    greys = np.array([110.0, 120, 130, 140])
    pixels = np.repeat(greys[:, None], 3, axis=1)
    batches = [fitted(greys, new[..., 0]) for new in outputs(apply, n, pixels)]
    slope, offset = np.concatenate(batches).T
    white = np.full((4, 3), 250.0)
    largest = max(new.max() for new in outputs(apply, n, white))
    return {
        "kind": (
            "x' = f x" if np.abs(offset).max() < 1
            else "x' = x + f" if np.abs(slope - 1).max() < 0.01
            else "x' = f x + g"
        ),
        "f: smallest, mean, largest": spread(
            slope if np.abs(offset).max() < 1 else offset
        ),
        "drawn for": drawn_for([batch.sum(axis=1) for batch in batches]),
        "largest value out of 250": largest,
    }  # fmt: skip


def fitted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[B, 2]: slope and offset of y [B, P] over x [P]."""
    slope = ((x - x.mean()) * y).sum(axis=1) / ((x - x.mean()) ** 2).sum()
    return np.stack([slope, y.mean(axis=1) - slope * x.mean()], axis=1)


def contrast(apply: Apply, n: int) -> dict[str, object]:
    """Where the centre lies which the change leaves alone."""
    batches, centres = [], []
    for new in outputs(apply, n, COLORS):
        lines = [fitted(COLORS[:, c], new[..., c]) for c in range(3)]
        batches.append(lines[0][:, 0])
        for slopes in np.stack(lines, axis=1):  # [3, 2] of an image
            factor = slopes[:, 0].mean()
            if abs(factor - 1) > 0.05:
                centres.append(centre_name(slopes[:, 1] / (1 - factor)))
    slope = np.concatenate(batches)
    return {
        "f: smallest, mean, largest": spread(slope),
        "drawn for": drawn_for(batches),
        "x' = f x + (1 - f) c with c": most_common(centres),
    }


def centre_name(centre: np.ndarray) -> str:
    """What the three channels' centres are."""
    mean = COLORS.mean(axis=0)
    for name, value in (
        ("mean grey", mean @ LUMA),
        ("mean of each channel", mean),
        ("mean of all channels", mean.mean()),
        ("127.5", 127.5),
    ):
        if np.abs(centre - value).max() < 0.3:
            return name
    return f"something else, {np.round(centre, 1)}"
