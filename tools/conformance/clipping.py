"""How far one clip at the end is from torchvision's clip after each step.

The same photos, factors and orders. `step by step` is ours with clip="step", on
floats, so that what differs between it and ours is clipping alone.
"""

import pathlib
from typing import Any

import numpy as np

from kerastricks.augment import apply_color, color_matrix
from kerastricks.augment.color_jitter import Amounts, jitter_by_steps

LIMITS = (0.0, 255.0)
# torchvision's hue turns the other way, and its unit is a whole circle.
TURN = -2.0


def ours(images: np.ndarray, draws: np.ndarray) -> Any:
    """One matrix, one clip."""
    mean = images.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
    return np.asarray(apply_color(images, color_matrix(*draws.T, mean), LIMITS))


def step_by_step(
    images: np.ndarray, draws: np.ndarray, orders: np.ndarray
) -> np.ndarray:
    """Four matrices, four clips."""
    return np.asarray(jitter_by_steps(images, Amounts(*draws.T), orders))


def differences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[4]: mean size, mean, shares of pixels off by more than 2 and 10."""
    signed = one.astype(np.float32) - other
    off = np.abs(signed)
    worst = off.max(axis=3)
    return np.array(
        [off.mean(), signed.mean(), (worst > 2).mean(), (worst > 10).mean()]
    )


def compared(chunk: Any) -> dict[str, np.ndarray]:
    """By pair: their differences on some photos."""
    images, orders = chunk["images"], chunk["orders"].astype(np.int32)
    draws = chunk["factors"].astype(np.float32)
    plain, hue = draws * [1, 1, 1, 0], draws * [1, 1, 1, TURN]
    plain, hue = plain.astype(np.float32), hue.astype(np.float32)
    found = {}
    for name, values in (("plain", plain), ("hue", hue)):
        whole = ours(images, values)
        steps = step_by_step(images, values, orders)
        there = {kind: chunk[f"{name} {kind}"] for kind in ("bytes", "floats")}
        found |= {
            f"{name}: ours, torchvision on bytes": (whole, there["bytes"]),
            f"{name}: ours, ours step by step": (whole, steps),
            f"{name}: ours step by step, torchvision on floats": (
                steps,
                there["floats"],
            ),
            f"{name}: torchvision on floats, on bytes": (
                there["floats"],
                there["bytes"],
            ),
        }
    return {pair: differences(*both) for pair, both in found.items()}


def measured(folder: pathlib.Path) -> dict[str, Any]:
    """Means over all photos that clipping_peer.py left in the folder."""
    sums: dict[str, np.ndarray] = {}
    photos = 0
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as chunk:
            count = len(chunk["images"])
            photos += count
            for pair, values in compared(chunk).items():
                sums[pair] = sums.get(pair, 0) + count * values
    names = ("mean size", "mean", "over 2", "over 10")
    return {
        "photos": photos,
        "pairs": {
            pair: dict(zip(names, (total / photos).tolist(), strict=True))
            for pair, total in sums.items()
        },
    }
