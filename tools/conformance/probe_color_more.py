"""Probes of grayscale, PCA noise and normalisation; the order of a jitter."""

import numpy as np

from conformance.adaptor import Apply
from conformance.probe_color import drawn_for, outputs


def grayscale(apply: Apply, n: int) -> dict[str, object]:
    """What red, green and blue weigh; rate .2."""
    pixels = 200 * np.eye(3, dtype=np.float32)
    new = np.concatenate(outputs(apply, n, pixels))
    grey = np.abs(new - new.mean(axis=2, keepdims=True)).max(axis=(1, 2)) < 0.5
    weights = new[grey].mean(axis=(0, 2)) / 200 if grey.any() else []
    return {
        "share of images without colour": grey.mean(),
        "weights of red, green, blue": [round(w, 4) for w in weights],
    }


def pca_noise(apply: Apply, n: int) -> dict[str, object]:
    """Shifts of grey 128."""
    batches = [
        new[:, 0] - 128 for new in outputs(apply, n, np.full((4, 3), 128.0))
    ]
    shifts = np.concatenate(batches)
    correlation = np.corrcoef(shifts.T)
    return {
        "deviation of red, green, blue": list(shifts.std(axis=0)),
        "correlation of red with green, with blue": [
            correlation[0, 1],
            correlation[0, 2],
        ],
        "drawn for": drawn_for([batch[:, 0] for batch in batches]),
    }


def normalize(apply: Apply, n: int) -> dict[str, object]:
    """What becomes of 0 and of 255."""
    del n
    pixels = np.array([[0.0] * 3, [255.0] * 3, [0.0] * 3, [255.0] * 3])
    new = outputs(apply, 1, pixels)[0][0]
    return {"0 becomes": list(new[0]), "255 becomes": list(new[1])}


GREYS = np.array([10.0, 60, 128, 200, 250])
FACTORS = np.linspace(0.2, 1.8, 161)


def jitter_order(apply: Apply, n: int) -> dict[str, object]:
    """Brightness and contrast of .8 each: what clips when, which came first.

    Without clipping in between the two commute, so that an order shows only
    where one clip at the end cannot explain the image. There, the way counts
    that comes nearest with any pair of factors.
    """
    pixels = np.repeat(GREYS[:, None], 3, axis=1)
    once = table("bc", False)
    ways = {
        "brightness first": table("bc", True),
        "contrast first": table("cb", True),
        "brightness, added, first": table("bc", True, True),
    }
    images = np.concatenate(outputs(apply, n, pixels))[..., 0]
    seen = []
    for image in images:
        if distance(once, image) > 6:
            seen.append(min(ways, key=lambda name: distance(ways[name], image)))
    return {
        "share of images that show a clip on the way": len(seen) / len(images),
        **{
            f"of these: {name}": seen.count(name) / len(seen) if seen else "–"
            for name in ways
        },
    }


def distance(table: np.ndarray, image: np.ndarray) -> float:
    """Largest difference in a pixel, for the best pair of factors."""
    return np.abs(table - image).max(axis=-1).min()


def brighter(x: np.ndarray, f: np.ndarray, adds: bool) -> np.ndarray:
    return x + 255 * (f - 1) if adds else x * f


def contrasted(x: np.ndarray, f: np.ndarray) -> np.ndarray:
    return f * x + (1 - f) * x.mean(axis=-1, keepdims=True)


def table(order: str, clips: bool, adds: bool = False) -> np.ndarray:
    """[F, F, P] of all pairs of factors."""
    b, c = FACTORS[:, None, None], FACTORS[None, :, None]
    x = np.broadcast_to(GREYS, (len(FACTORS), len(FACTORS), len(GREYS)))
    for step in order:
        x = brighter(x, b, adds) if step == "b" else contrasted(x, c)
        x = np.clip(x, 0, 255) if clips else x
    return np.clip(x, 0, 255)
