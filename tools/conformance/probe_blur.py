"""Probe of blur: what becomes of a point says sigma."""

import numpy as np

from conformance.adaptor import Apply
from conformance.probe_place import BATCH, NO_LABELS
from conformance.stats import distinct, most_common


def blur(apply: Apply, n: int) -> dict[str, object]:
    """A point, a lit row beside the border, and a plain channel."""
    images = np.zeros((BATCH, 65, 65, 3), np.float32)
    images[:, 32, 32, 0] = images[:, 1, :, 1] = images[..., 2] = 200
    sigmas, alike, borders, taps, plain, several = [], [], [], [], [], []
    blurred = 0
    for _ in range(n):
        new, _ = apply(images.copy(), NO_LABELS)
        changed = np.abs(new - images).max(axis=(1, 2, 3)) > 1e-3
        blurred += changed.sum()
        earlier = len(sigmas)
        for image in np.asarray(new, np.float64)[changed]:
            down, right = sigma_of(image[:, 32, 0]), sigma_of(image[32, :, 0])
            if not min(down, right):
                continue
            sigmas.append(down)
            alike.append(abs(down - right) < 0.01)
            taps.append((image[32, :, 0] > 0).sum())
            plain.append(image[0, 0, 2])
            if down > 0.8:
                borders.append(border_name(image[:, 32, 0], image[0, 32, 1]))
        several.append(distinct(np.array(sigmas[earlier:])))
    sigma = np.array(sigmas)
    return {
        "share of images seen blurred": blurred / (n * BATCH),
        "sigma: smallest seen, mean, largest": [
            sigma.min(), sigma.mean(), sigma.max()
        ],
        "drawn for": "the batch" if max(several) == 1 else "each image",
        "one sigma for both axes": np.mean(alike) > 0.99,
        "taps": int(max(taps)),
        "border": most_common(borders),
        "darkest corner of a plain 200": min(plain),
    }  # fmt: skip


def sigma_of(line: np.ndarray) -> float:
    """Of a blurred point; 0 where its neighbour is too dark to say."""
    ratio = line[33] / line[32]
    return np.sqrt(-0.5 / np.log(ratio)) if 1e-6 < ratio < 1 else 0.0


def border_name(point: np.ndarray, first: float) -> str:
    """What a lit second row gives to the first."""
    weights = point[32:35] / point.sum()
    expected = {
        "black": weights[1],
        "mirrored, edge once": 2 * weights[1],
        "mirrored, edge twice": weights[1] + weights[2],
    }
    return min(expected, key=lambda name: abs(expected[name] * 200 - first))
