"""Probes of what moves pixels: flips, translations, crops."""

import numpy as np

from conformance.adaptor import Apply
from conformance.stats import distinct, most_common

BATCH = 16
NO_LABELS = np.eye(BATCH, dtype=np.float32)


def pixel_places(height: int, width: int) -> np.ndarray:
    """float32 [B, H, W, 3]: row and column from 1, and 100."""
    grid = np.meshgrid(
        np.arange(1.0, height + 1), np.arange(1.0, width + 1), indexing="ij"
    )
    image = np.stack([*grid, np.full((height, width), 100.0)], axis=-1)
    return np.broadcast_to(image, (BATCH, height, width, 3)).astype(np.float32)


def flip(apply: Apply, n: int) -> dict[str, object]:
    """Rate .5."""
    images = pixel_places(16, 16)
    shares, whole = [], True
    for _ in range(n):
        new, _ = apply(images.copy(), NO_LABELS)
        mirrored = np.abs(new - images[:, :, ::-1]).max(axis=(1, 2, 3)) < 1e-3
        still = np.abs(new - images).max(axis=(1, 2, 3)) < 1e-3
        whole = whole and (mirrored ^ still).all()
        shares.append(mirrored.mean())
    return {
        "share of images mirrored": np.mean(shares),
        "drawn for": "the batch" if set(shares) <= {0, 1} else "each image",
        "mirrored exactly or not at all": whole,
    }


def alternating_flip(apply: Apply, n: int) -> dict[str, object]:
    """A call is an epoch of the same images."""
    images = pixel_places(16, 16)
    epochs = np.array(
        [apply(images.copy(), NO_LABELS)[0][:, 0, 0, 1] > 8 for _ in range(n)]
    )
    return {
        "share of images alike in two epochs": np.mean(
            epochs[1:] == epochs[:-1]
        ),
        "share of images mirrored": epochs.mean(),
    }


def translate(apply: Apply, n: int) -> dict[str, object]:
    """32 x 32 pixels by up to 4."""
    images = pixel_places(32, 32)
    batches, fills = [], []
    for _ in range(n):
        new, _ = apply(images.copy(), NO_LABELS)
        batches.append(new[:, 16, 16, :2] - 17)
        fills += [fill_name(image) for image in new]
    offsets = np.concatenate(batches)
    counts = [len(np.unique(np.round(each, 3), axis=0)) for each in batches]
    return {
        "offsets in a batch of 16": "one" if max(counts) == 1 else "one each",
        "largest offset": np.abs(offsets).max(),
        "mean size of an offset": np.abs(offsets).mean(),
        "whole pixels": np.abs(offsets - np.round(offsets)).max() < 1e-3,
        "border": most_common([name for name in fills if name] or ["–"]),
    }


def fill_name(image: np.ndarray) -> str:
    """What came in above, if at least two rows did."""
    first = round(image[16, 16, 0] - 17)
    if first > -2 or abs(image[16, 16, 0] - 17 - first) > 1e-3:
        return ""
    if image[0, 16, 2] < 1:
        return "black"
    row = round(image[0, 16, 0] - 1)
    names = {-first: "mirrored, edge once", -first - 1: "mirrored, edge twice"}
    return names.get(row, "edge repeated" if row == 0 else "other")


def crop(apply: Apply, n: int) -> dict[str, object]:
    """Random resized crops of 300 x 400 pixels, read off their ramps."""
    images, shares, aspects = pixel_places(300, 400), [], []
    for _ in range(n):
        new, _ = apply(images.copy(), NO_LABELS)
        side = new.shape[1]
        low, high = side // 4, side - side // 4
        middle = side // 2
        height, width = (
            (ends[1] - ends[0]) / (high - low) * side
            for ends in (
                (new[:, low, middle, 0], new[:, high, middle, 0]),
                (new[:, middle, low, 1], new[:, middle, high, 1]),
            )
        )
        shares.append(height * width / 120_000)
        aspects.append(np.log(width / height))
    share, aspect = np.concatenate(shares), np.concatenate(aspects)
    return {
        "mean share of the area": share.mean(),
        "deviation of the share": share.std(),
        "smallest and largest share": [share.min(), share.max()],
        "mean log aspect": aspect.mean(),
        "deviation of the log aspect": aspect.std(),
        "drawn for": "each image" if distinct(shares[0]) > 2 else "the batch",
    }
