"""Probes of RICAP, of switching between tricks, and of float16."""

import numpy as np

from conformance.adaptor import Apply
from conformance.probe_mix import SEED
from conformance.stats import ks


def ricap(apply: Apply, n: int) -> dict[str, object]:
    """Red names the sample, green the row and blue the column of a pixel."""
    batch, side = 16, 32
    images = coordinates(batch, side)
    shares, errors, places, fixed = [], [], [], []
    for _ in range(n):
        new, labels = apply(images.copy(), np.eye(batch, dtype=np.float32))
        owners = new[..., 0].astype(int) - 1
        pixels = np.stack(
            [(owners == one).mean(axis=(1, 2)) for one in range(batch)], axis=1
        )
        errors.append(np.abs(pixels - labels).max())
        height, width = corner_of(new)
        shares += [height / side, width / side]
        if 0 < height < side and 0 < width < side:
            start = new[:, 0, 0, 1:]
            fixed.append((start == start[0]).all())
            spare = side - np.array([height, width])
            places.append((start[0] / spare).mean())
    random = np.random.default_rng(SEED)
    # A side of 32 shows the same as one of 0.
    law = np.round(side * random.beta(0.3, 0.3, 200_000)) % side / side
    return {
        "distance of the sides to round(32 Beta(.3, .3))": ks(
            np.array(shares), law
        ),
        "mean place of the first crop (0 to 1)": np.mean(places),
        "one crop's place for all of a batch": np.mean(fixed) > 0.99,
        "largest |label - share of the pixels|": max(errors),
    }


def coordinates(batch: int, side: int) -> np.ndarray:
    """float32 [B, H, W, 3]: sample from 1, row and column from 0."""
    grid = np.meshgrid(
        np.arange(1, batch + 1), np.arange(side), np.arange(side), indexing="ij"
    )
    return np.stack(grid, axis=-1).astype(np.float32)


def corner_of(new: np.ndarray) -> tuple[int, int]:
    """Where rows and columns stop running on in all of the batch."""
    jumps = []
    for axis, channel in ((1, 1), (2, 2)):
        steps = np.diff(new[..., channel], axis=axis) != 1
        owner = np.diff(new[..., 0], axis=axis) != 0
        broken = (steps | owner).any(axis=(0, 3 - axis))
        jumps.append(int(broken.argmax()) + 1 if broken.any() else 0)
    return jumps[0], jumps[1]


def switch(apply: Apply, n: int) -> dict[str, object]:
    """A box leaves two values in an image, a blend only one."""
    batch = 16
    value = np.arange(1, batch + 1, dtype=np.float32)[:, None, None, None]
    images = np.broadcast_to(value**2, (batch, 32, 32, 3)).copy()
    kinds, mass = [], 0.0
    for _ in range(n):
        new, labels = apply(images.copy(), np.eye(batch, dtype=np.float32))
        mass = max(mass, np.abs(labels.sum(axis=1) - 1).max())
        boxed = (np.ptp(new, axis=(1, 2, 3)) > 1e-3).any()
        same = np.abs(new - images).max() < 1e-6
        kinds.append("box" if boxed else "none" if same else "blend")
    mixed = max(1, n - kinds.count("none"))
    return {
        "share of batches mixed": mixed / n,
        "share of these with a box": kinds.count("box") / mixed,
        "largest |sum of a label - 1|": mass,
    }


def half(apply: Apply, n: int) -> dict[str, object]:
    """288 x 288 pixels, more than float16 can count."""
    batch, side = 4, 288
    value = np.arange(1, batch + 1, dtype=np.float16)[:, None, None, None]
    images = np.broadcast_to(value, (batch, side, side, 3))
    share = []
    for _ in range(n):
        _, labels = apply(images.copy(), np.eye(batch, dtype=np.float32))
        share.append(np.isnan(np.asarray(labels, np.float64)).mean())
    return {"share of labels that are NaN": np.mean(share)}
